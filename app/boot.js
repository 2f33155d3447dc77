// Starts the page's program. index.html is readable before it runs, and says so if it cannot.
import init from "./nsa-app.js";

init().catch((error) => {
  const banner = document.getElementById("panic");
  banner.querySelector("[data-message]").textContent =
    `The page's program did not start (${error?.message ?? error}). It needs a browser with WebAssembly SIMD: a current Chrome, Firefox, Edge or Safari.`;
  banner.hidden = false;
  document.documentElement.dataset.state = "error";
});
