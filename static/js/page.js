// What every page needs around htmx: the CSRF header, and words for requests that failed.

const alertBox = document.getElementById("page-alert");

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

function say(text) {
  if (!alertBox) return;
  alertBox.textContent = text;
  alertBox.hidden = !text;
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});

// A session that ended answers with the login page; that belongs in the window, not in a panel.
document.addEventListener("htmx:beforeSwap", (event) => {
  const loginPath = document.body.dataset.loginPath;
  const reached = event.detail.xhr.responseURL;
  if (loginPath && reached && new URL(reached).pathname === loginPath) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) say("");
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const words = {
    403: "You may not do that. If you signed in on another page meanwhile, reload this one.",
    404: "That is no longer there. Reload the page.",
    429: "Too many requests. Wait a moment, then try again.",
  };
  say(
    words[status] ?? `The server answered ${status}. Try again; if it stays, tell your operator.`,
  );
});

document.addEventListener("htmx:sendError", () => {
  say("The server cannot be reached. Check the connection, then try again.");
});
