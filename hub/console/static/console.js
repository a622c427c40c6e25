// The console's own script: keys, the menu on a small screen, copying, printing, where the focus goes. Every page works without it.
"use strict";

document.documentElement.classList.add("scripted");

let goes = false;
let isDirty = false; // something was typed into a form and not sent

function say(text) {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

function rows() {
  return [...document.querySelectorAll("table.rows tbody tr")];
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.classList.contains("here"));
  const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
  if (here >= 0) all[here].classList.remove("here");
  next.classList.add("here");
  const link = next.querySelector("a, button");
  if (link) link.focus();
  next.scrollIntoView({ block: "nearest" });
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.getElementById("menu");
    if (menu && menu.classList.contains("is-open")) toggle(document.querySelector(".burger"));
    document.querySelectorAll("details.person[open]").forEach((one) => one.removeAttribute("open"));
  }
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (goes) {
    goes = false;
    const link = /^[a-z]$/.test(event.key) ? document.querySelector(`[data-go="${event.key}"]`) : null;
    if (link) link.click();
    return;
  }
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  } else if (event.key === "g") {
    goes = true;
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  }
});

function toggle(button) {
  const menu = document.getElementById(button.dataset.opens);
  const isOpen = menu.classList.toggle("is-open");
  button.setAttribute("aria-expanded", String(isOpen));
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) toggle(opener);
  const copier = event.target.closest("[data-copies]");
  if (copier && navigator.clipboard) navigator.clipboard.writeText(copier.dataset.copies).then(() => say(copier.dataset.copies));
  if (event.target.closest("[data-prints]")) window.print();
  document.querySelectorAll("details.person[open]").forEach((one) => {
    if (!one.contains(event.target)) one.removeAttribute("open");
  });
});

document.addEventListener("input", (event) => {
  if (event.target.closest("form.form")) isDirty = true;
});

document.addEventListener("submit", () => {
  isDirty = false;
});

window.addEventListener("beforeunload", (event) => {
  if (isDirty) event.preventDefault();
});

document.addEventListener("change", (event) => {
  const sender = event.target.closest("[data-sends]");
  if (sender) sender.form.requestSubmit();
});

document.addEventListener("htmx:afterSettle", (event) => {
  const said = event.target.dataset && event.target.dataset.said;
  if (said) say(said);
});

isDirty = document.querySelector("form.form #problems") !== null;
document.querySelector("[data-focus]")?.focus();
