const page = document.documentElement;
page.classList.add("js");

/* Light and dark: the system's choice until the switch is used. */
function theming() {
  const button = document.querySelector("[data-do=theme]");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", isDark());
  const kept = (action) => {
    try { return action(); } catch { return null; } // a page in a file may have no storage
  };
  const before = kept(() => localStorage.getItem("srkit-report-theme"));
  if (before === "dark" || before === "light") page.dataset.theme = before;
  button.addEventListener("click", () => {
    page.dataset.theme = isDark() ? "light" : "dark";
    kept(() => localStorage.setItem("srkit-report-theme", page.dataset.theme));
    show();
  });
  system.addEventListener("change", show);
  show();
}

theming();
for (const root of document.querySelectorAll("[data-viewer]")) new Viewer(root);
legends();
for (const svg of document.querySelectorAll("svg.plot")) new Reader(svg);
