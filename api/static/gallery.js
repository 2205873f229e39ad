// Swaps the cards whose state changed, while any picture is still on its way. All else is plain HTML.
const FAST_MS = 1500;
const SLOW_MS = 10000;

function paint(root) {
  for (const image of root.querySelectorAll("img[data-colour]")) {
    image.style.backgroundColor = image.dataset.colour;
    image.addEventListener("load", () => { image.style.backgroundColor = ""; }, { once: true });
    if (image.complete) image.style.backgroundColor = "";
  }
  for (const image of root.querySelectorAll(".frame img")) {
    // The name stands below, so a source that does not answer leaves a sign and no broken picture.
    const fail = () => image.closest(".frame").classList.add("broken");
    image.addEventListener("error", fail, { once: true });
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) fail();
  }
}

function swap(next) {
  const cards = document.getElementById("cards");
  const known = new Map([...cards.children].map((card) => [card.id, card]));
  let changed = 0;
  for (const card of [...next.getElementById("cards").children]) {
    const old = known.get(card.id);
    if (old && old.dataset.state === card.dataset.state) continue;
    const held = old && old.contains(document.activeElement);
    card.classList.add("fresh");
    paint(card);
    if (old) old.replaceWith(card); else cards.append(card);
    if (held) card.querySelector("a")?.focus();
    changed += 1;
  }
  const counts = document.querySelector(".counts");
  const newCounts = next.querySelector(".counts");
  if (counts.innerHTML !== newCounts.innerHTML) counts.innerHTML = newCounts.innerHTML;
  document.getElementById("page").dataset.settled = next.getElementById("page").dataset.settled;
  return changed;
}

async function look() {
  let wait = SLOW_MS;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (document.getElementById("page").dataset.settled === "no") wait = FAST_MS;
      }
    } catch {
      // The server is away; the next look may find it.
    }
  }
  setTimeout(look, wait);
}

document.getElementById("supplier")?.addEventListener("change", (event) => event.target.form.submit());
paint(document);
setTimeout(look, FAST_MS);
