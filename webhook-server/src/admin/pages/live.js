// A page with a stream shows what happens, as the server sends it: rows of events, or the handlers of one event.
(() => {
  const live = document.querySelector("[data-stream]");
  if (!live || !window.EventSource) return;
  const MOST_ROWS = 200;
  const status = document.querySelector("[data-live-status]");
  const note = document.querySelector("[data-live-note]");
  const pause = document.querySelector("[data-pause]");
  const refresh = document.querySelector("[data-refresh]");
  let source, last, counted = 0, lost;

  // Replaces a part of the page, and keeps the focus where it was.
  const replace = (old, made) => {
    const focused = old.contains(document.activeElement);
    old.replaceWith(made);
    if (focused) made.querySelector("a")?.focus();
  };
  const fragment = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };
  const showRow = (html) => {
    const row = fragment(html).firstElementChild;
    const old = document.getElementById(row.id);
    if (old) return replace(old, row);
    const body = live.tBodies[0];
    body.prepend(row);
    row.classList.add("new");
    counted += 1;
    document.querySelector("[data-empty]")?.remove();
    while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
  };
  // Not while someone types a reason there, or is about to press a button.
  let waiting;
  const showRuns = (html) => {
    waiting = html;
    if (live.contains(document.activeElement) || live.querySelector("details[open]")) return;
    live.replaceChildren(fragment(html));
    waiting = undefined;
    status.textContent = [...live.querySelectorAll("h3")].map((task) => task.textContent.trim()).join("; ");
  };
  live.addEventListener("focusout", () => setTimeout(() => { if (waiting) showRuns(waiting); }));

  const open = () => {
    const url = new URL(live.dataset.stream, location.href);
    if (last !== undefined && !("tasks" in live.dataset)) url.searchParams.set("cursor", last);
    source = new EventSource(url);
    const on = (name, act) => source.addEventListener(name, (event) => {
      if (event.lastEventId) last = event.lastEventId;
      act(event.data);
    });
    on("row", showRow);
    on("runs", showRuns);
    on("note", (text) => { if (note) note.textContent = text; });
    on("end", () => source.close());
    source.onopen = () => { clearTimeout(lost); lost = undefined; live.classList.remove("lost"); };
    source.onerror = () => {
      // A stream ends now and then, and is asked for again at once.
      lost ??= setTimeout(() => {
        live.classList.add("lost");
        status.textContent = source.readyState === EventSource.CLOSED
          ? "Not live any more: too many live pages may be open, or the session has ended. Load the page again."
          : "The server does not answer: trying again.";
      }, 4000);
    };
  };
  open();
  if (refresh) refresh.hidden = true;
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      const paused = pause.getAttribute("aria-pressed") === "false";
      pause.setAttribute("aria-pressed", String(paused));
      if (paused) { source.close(); status.textContent = "Paused."; } else { status.textContent = ""; open(); }
    });
    // A screen reader hears a number now and then, and not each row.
    setInterval(() => {
      if (!counted) return;
      status.textContent = counted === 1 ? "1 new event" : `${counted} new events`;
      counted = 0;
    }, 10000);
  }
})();
