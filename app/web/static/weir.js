// Two things: keep the status panel fresh, and send an analyst's label.
"use strict";

const EVERY = 1500; // ms
const ASK_AGAIN = 500; // ms between looks for a label that was sent
const PATIENCE = 20; // looks

const panel = document.getElementById("panel");
if (panel) setTimeout(refresh, EVERY);

async function refresh() {
  try {
    const answer = await fetch(panel.dataset.from);
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    if (!document.hidden) panel.innerHTML = text;
  } catch {
    panel.querySelector(".stale").hidden = false;
  }
  setTimeout(refresh, EVERY);
}

for (const form of document.querySelectorAll("form.say")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say(form, event.submitter.value);
  });
}

async function say(form, label) {
  const told = form.querySelector("output");
  const body = {
    id: form.dataset.id,
    [form.dataset.keyName]: form.dataset.key,
    label,
    actor: form.elements.actor.value,
    note: form.elements.note.value,
  };
  told.textContent = "sending…";
  try {
    const answer = await fetch("/feedback", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    told.textContent = answer.ok ? "published; waiting for its effect…" : said.error;
    if (answer.ok) {
      await untilSettled(said.label_id);
      told.textContent = "published; reload the page later to see its effect";
    }
  } catch {
    told.textContent = "the worker does not answer";
  }
}

async function untilSettled(labelId) {
  for (let look = 0; look < PATIENCE; look++) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
    const answer = await fetch(location.href, { headers: { Accept: "application/json" } });
    const state = answer.ok ? await answer.json() : { labels: [] };
    if (state.labels.some((label) => label.label_id === labelId)) return location.reload();
  }
}
