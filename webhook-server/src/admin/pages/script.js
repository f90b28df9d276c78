"use strict";
// Pages work without this. It adds keys: / to search, j and k to move in a table, r to retry, ? to see them.
(() => {
  const keys = document.getElementById("keys");
  const one = keys.querySelector("[data-single-keys]");
  const stored = (act) => { try { return act(window.localStorage); } catch { return null; } };
  one.checked = stored((storage) => storage.getItem("single-keys")) !== "off";
  one.addEventListener("change", () => stored((storage) => storage.setItem("single-keys", one.checked ? "on" : "off")));
  const button = document.querySelector("[data-keys]");
  button.hidden = false;
  button.addEventListener("click", () => keys.showModal());

  let chosen;
  const choose = (step) => {
    const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
    if (!rows.length) return;
    const to = rows.indexOf(chosen) + step;
    if (chosen) chosen.classList.remove("chosen");
    chosen = rows[Math.max(0, Math.min(rows.length - 1, to))];
    chosen.classList.add("chosen");
    const link = chosen.querySelector("a");
    if (link) link.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (!one.checked || keys.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, textarea, select")) return;
    const focus = (what) => {
      const found = document.querySelector(what);
      if (found) { event.preventDefault(); found.focus(); found.scrollIntoView({ block: "nearest" }); }
    };
    if (event.key === "/") focus("[data-search]");
    else if (event.key === "r") focus("[data-retry]");
    else if (event.key === "j") choose(1);
    else if (event.key === "k") choose(-1);
    else if (event.key === "?") keys.showModal();
  });
})();
