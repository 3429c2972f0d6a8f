// Pins the colour scheme before the first paint. Loaded in <head>, so it must stay tiny.
// localStorage "theme": "light" or "dark"; absent means: as the system says.
(function () {
  "use strict";
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden; the system's choice stands then
    }
  }

  function pin(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  function isDark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function describe(button) {
    const next = isDark() ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to ${next} colours`);
    button.title = button.getAttribute("aria-label");
  }

  root.classList.add("scripted"); // hides what is meant for browsers without scripts
  pin(stored());

  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    button.hidden = false;
    describe(button);
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      pin(theme);
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // Without storage the choice lasts for this page.
      }
      describe(button);
      dispatchEvent(new Event("themechange"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      describe(button);
      dispatchEvent(new Event("themechange"));
    });
  });
})();
