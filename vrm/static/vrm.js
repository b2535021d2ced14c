// Makes pages that work without it a little better: suggestions while typing, copy buttons, relative times that move.
"use strict";

function suggest(box) {
  const input = box.querySelector("input[type=text]");
  const slug = box.querySelector("input[type=hidden]");
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `${input.id}-list`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.querySelector("label").textContent.trim());
  list.hidden = true;
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  let at = -1;
  let asked = 0;
  let timer;

  function close() {
    clearTimeout(timer);
    asked += 1; // An answer that is still under way comes too late.
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function choose(option) {
    input.value = option.dataset.label;
    slug.value = option.dataset.slug;
    for (const radio of box.querySelectorAll("input[type=radio]")) radio.checked = radio.value === "";
    close();
  }
  function mark(next) {
    const options = [...list.children];
    if (!options.length) return;
    at = (next + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    options[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[at].id);
  }
  async function ask() {
    const query = input.value.trim();
    const turn = ++asked;
    if (query.length < 2) return close();
    const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(query)}`);
    if (!answer.ok || turn !== asked) return;
    const found = await answer.json();
    list.replaceChildren(...found.map((node, place) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.slug = node.slug;
      option.dataset.label = node.label;
      option.textContent = node.label;
      if (node.path) {
        const path = document.createElement("small");
        path.textContent = node.path;
        option.append(path);
      }
      option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(option); });
      return option;
    }));
    at = -1;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }
  input.addEventListener("input", () => { slug.value = ""; clearTimeout(timer); timer = setTimeout(ask, 120); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter" && at >= 0) choose(list.children[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
}

// Reads a sentence while it is typed, and fills the fields that nobody has touched.
function understand(form) {
  const said = form.elements.said;
  const filled = document.getElementById(form.dataset.fills ?? "");
  const touched = new Set();
  let asked = 0;
  let timer;
  filled?.addEventListener("input", (event) => touched.add(event.target.name));
  // The button reads anew without leaving the page, so that nothing that was corrected is lost.
  if (filled) form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  function fill(fields) {
    const known = ["title", "body", "category", "region", "budget_min", "budget_max", "currency", "condition", "quantity", "needed_by", "near_km"];
    for (const name of known) {
      const field = filled.elements[name];
      if (!field || touched.has(name)) continue;
      if (fields[name] !== undefined) field.value = fields[name];
      else if (!["currency", "condition", "quantity"].includes(name)) field.value = "";
      const slug = filled.elements[`${name}_slug`];
      if (slug) slug.value = fields[`${name}_slug`] ?? "";
    }
    for (const asked of filled.querySelectorAll(".did-you-mean")) asked.remove();  // Asked of another sentence.
    filled.elements.said.value = said.value;
  }
  async function ask() {
    const turn = ++asked;
    const answer = await fetch(`${form.dataset.understand}?said=${encodeURIComponent(said.value)}${filled ? "&linked=1" : ""}`);
    if (!answer.ok || turn !== asked) return;
    const read = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".understood");
    form.querySelector(".understood").replaceWith(read);
    if (filled) fill(JSON.parse(read.dataset.fields));
  }
  // It is one sentence, on however many lines it is shown: Enter sends it.
  said.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  said.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 200); });
}

function previewWhileTyping(place) {
  const form = place.parentElement.querySelector("form.card-like");
  let asked = 0;
  let timer;
  async function ask() {
    const turn = ++asked;
    const typed = new URLSearchParams(new FormData(form));
    typed.delete("csrf_token");
    const answer = await fetch(`${place.dataset.preview}?${typed}`);
    if (!answer.ok || turn !== asked) return;
    place.innerHTML = await answer.text();  // A part of a page of our own, escaped by the server.
    place.hidden = !place.textContent.trim();
  }
  for (const kind of ["input", "change"]) {
    form.addEventListener(kind, () => { clearTimeout(timer); timer = setTimeout(ask, 500); });
  }
}

function copyButton(button) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "✓";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

const UNITS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

function moveTimes() {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const ahead = (new Date(time.dateTime) - Date.now()) / 1000;
    const [unit, length] = UNITS.find(([, seconds]) => Math.abs(ahead) >= seconds * 1.3) ?? ["minute", 60];
    if (Math.abs(ahead) >= 45) time.textContent = words.format(Math.round(ahead / length), unit);
  }
}

// A board that changes by itself: asked for again while somebody looks, and swapped in when it is different.
function keepLive(region) {
  const news = document.querySelector("[data-news]");
  let tag = region.dataset.tag;
  let wait = 4000;
  const place = (element) => element && region.contains(element) && (element.getAttribute("href") ?? element.closest("form")?.getAttribute("action"));
  async function look() {
    setTimeout(look, wait);
    if (document.hidden) return;
    const answer = await fetch(region.dataset.live, { cache: "no-store", headers: { "If-None-Match": `"${tag}"` } }).catch(() => null);
    if (!answer || answer.redirected || answer.status !== 200) {
      wait = answer?.status === 304 ? 4000 : Math.min(wait * 2, 60000);
      return;
    }
    tag = answer.headers.get("ETag").replaceAll('"', "");
    const held = place(document.activeElement);
    region.innerHTML = await answer.text();
    if (held) [...region.querySelectorAll("a[href], form[action] button")].find((one) => place(one) === held)?.focus();
    news.textContent = "";
    news.textContent = news.dataset.news;
  }
  setTimeout(look, wait);
}

// Keys of a list, which work only while the list has the focus, so that they are in nobody's way (WCAG 2.1.4).
function keysOf(list) {
  const links = () => [...list.querySelectorAll("h2 > a")];
  const row = () => document.activeElement.closest("li");
  const step = (by) => {
    const at = links().findIndex((link) => row()?.contains(link));
    links()[Math.min(Math.max(at + by, 0), links().length - 1)]?.focus();
  };
  const does = {
    j: () => step(1),
    k: () => step(-1),
    x: () => row()?.querySelector("input[type=checkbox]")?.click(),
    o: () => row()?.querySelector("h2 > a")?.click(),
  };
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !does[event.key]) return;
    event.preventDefault();
    does[event.key]();
  });
  document.querySelectorAll("[data-keys-help], [data-tick-all]").forEach((one) => { one.hidden = false; });
  document.querySelector("[data-tick-all]")?.addEventListener("click", () => {
    const boxes = [...list.querySelectorAll("input[type=checkbox]")];
    const all = boxes.every((box) => box.checked);
    boxes.forEach((box) => { box.checked = !all; });
  });
}

// On a phone the tabs are a strip: the one that is open shall be in sight.
for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const strip = here.closest(".tabs");
  strip.scrollLeft = here.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;
}

// Pages of whoever is signed in must not be stored, so that nobody finds them by Back. Firefox then fetches them again
// with nothing typed: what was waits in this tab, until a page is shown to somebody who is signed out.
function keepTyped() {
  const fields = () => [...document.querySelectorAll("main textarea, main input:not([type]), main input:is([type=text], [type=search], [type=email], [type=tel], [type=url], [type=date], [type=number])")];
  const here = `typed ${location.pathname}${location.search}`;
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
    for (const [place, name, value] of JSON.parse(sessionStorage.getItem(here) || "[]")) {
      const field = fields()[place];
      if (field?.name === name && field.value === field.defaultValue) field.value = value;
    }
  }
  addEventListener("pagehide", () => {
    const typed = fields().flatMap((field, place) => (field.value === field.defaultValue ? [] : [[place, field.name, field.value]]));
    if (typed.length) sessionStorage.setItem(here, JSON.stringify(typed));
    else sessionStorage.removeItem(here);
  });
}
if (document.querySelector("form[action$='/sign-out']")) keepTyped();
else Object.keys(sessionStorage).filter((key) => key.startsWith("typed ")).forEach((key) => sessionStorage.removeItem(key));

// Whoever signs in for the first time has not said by which clock they live; the browser knows.
for (const field of document.querySelectorAll("input[type=hidden][name=zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

document.querySelectorAll("[data-keys]").forEach(keysOf);
document.querySelectorAll("[data-live]").forEach(keepLive);
document.querySelectorAll("[data-suggest]").forEach(suggest);
document.querySelectorAll("[data-understand]").forEach(understand);
document.querySelectorAll("[data-preview]").forEach(previewWhileTyping);
if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach(copyButton);
setInterval(moveTimes, 60000);
