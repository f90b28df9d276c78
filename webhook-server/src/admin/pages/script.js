"use strict";
// Pages work without this. It adds keys: / to search, j and k to move in a table, Enter to open.
(() => {
  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
  let chosen = -1;
  const choose = (to) => {
    const all = rows();
    if (!all.length) return;
    if (all[chosen]) all[chosen].classList.remove("chosen");
    chosen = Math.max(0, Math.min(all.length - 1, to));
    all[chosen].classList.add("chosen");
    const link = all[chosen].querySelector("a");
    if (link) link.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "j") choose(chosen + 1);
    else if (event.key === "k") choose(chosen - 1);
  });
})();
