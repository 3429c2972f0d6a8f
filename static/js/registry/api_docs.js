// The API's description, drawn by Swagger UI. Requests that one tries go out with the session of
// the signed-in browser, or with the token that one enters.

const place = document.getElementById("api-docs");

function followColours() {
  const chosen = document.documentElement.dataset.theme;
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark-mode", dark);
}

function withCsrf(request) {
  if (new URL(request.url, location.href).origin === location.origin) {
    request.headers["X-CSRFToken"] =
      document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  }
  return request;
}

followColours();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followColours);
new MutationObserver(followColours).observe(document.documentElement, {
  attributeFilter: ["data-theme"],
});

window.SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: null,
  requestInterceptor: withCsrf,
});
