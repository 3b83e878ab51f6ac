// Shows what is new as soon as there is something new; without it the page is the same, and is loaded by hand.
"use strict";
(() => {
  const main = document.getElementById("page");
  let busy = false, again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const open = [...main.querySelectorAll("details")].map((each) => each.open);
        const focused = document.activeElement && main.contains(document.activeElement);
        if (!focused || document.activeElement.tagName !== "BUTTON") {
          main.replaceChildren(...fresh.getElementById("page").childNodes);
          main.querySelectorAll("details").forEach((each, index) => { each.open = Boolean(open[index]); });
        }
        document.title = fresh.title;
        document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").getAttribute("href");
        document.querySelector("footer").replaceChildren(...fresh.querySelector("footer").childNodes);
      }
    } catch { lost(); }
    busy = false;
    if (again) { again = false; refresh(); }
  }
  function lost() {
    const bar = main.querySelector(".bar");
    if (bar) { bar.className = "bar grey"; }
  }
  const events = new EventSource("/events");
  events.addEventListener("news", refresh);
  events.addEventListener("error", lost);
})();
