// The player: shows the recorded run of a demo step by step, in three panes that go together.
// The page is whole without it. All words come from the page. What a reader has done and
// guessed stays in this browser.
"use strict";

const store = {
  get: name => { try { return localStorage.getItem("dialtone " + name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem("dialtone " + name, value); } catch { /* not allowed: forget it */ } },
};

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const key in attributes)
    made.setAttribute(key, attributes[key]);
  return made;
}

// Move what scrolls, and not the page, so that ITEM is seen.
function reveal(pane, item) {
  const above = item.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  if (above < 0 || above > pane.clientHeight - 40)
    pane.scrollTop += above - pane.clientHeight / 2;
  const words = item.querySelector("text")?.getBoundingClientRect(); // of a row of the ladder
  const left = pane.getBoundingClientRect().left;
  if (words && (words.left < left || words.right > left + pane.clientWidth))
    pane.scrollLeft += words.left - left - 10;
}

function play(root) {
  const data = JSON.parse(document.getElementById("steps").textContent);
  const words = data.words, last = data.steps.length - 1;
  const files = [...root.querySelectorAll("[data-file]")];
  const rows = [...root.querySelectorAll("[data-step]")];
  const printed = [...root.querySelectorAll(".terminal code > span")];
  const panes = [...root.querySelectorAll(".panes pre, .panes .scroll")];
  let now = 0, timer = null;

  function show(step, inAddress = true) {
    now = Math.max(0, Math.min(last, step));
    const [file, line, lines, told] = data.steps[now];
    files.forEach((code, i) => { code.hidden = i !== file; });
    root.querySelectorAll(".line.current").forEach(old => old.classList.remove("current"));
    const current = files[file].querySelector(`[data-line="${line}"]`);
    if (current) {
      current.classList.add("current");
      reveal(panes[0], current);
    }
    rows.forEach((row, i) => {
      row.classList.toggle("later", i > now);
      row.classList.toggle("current", i === now);
    });
    root.querySelectorAll("svg").forEach(scene => scene.classList.toggle("later", !scene.querySelector("[data-step]:not(.later)")));
    reveal(panes[1], rows[now]);
    printed.forEach((text, i) => { text.hidden = i >= lines; });
    panes[2].scrollTop = panes[2].scrollHeight;
    count.textContent = words.step.replace("{0}", now + 1).replace("{1}", last + 1);
    said.textContent = count.textContent + ". " + told;
    here.href = "#step-" + now;
    const scene = data.scenes.findLast(([first]) => first <= now);
    if (choose)
      choose.value = scene ? scene[0] : 0;
    back.disabled = now === 0;
    on.disabled = now === last;
    root.dataset.now = now;
    if (inAddress)
      history.replaceState(null, "", "#step-" + now);
    if (now === last)
      pause();
    document.dispatchEvent(new CustomEvent("step", { detail: now }));
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    run.textContent = words.play;
  }

  const bar = element("div", "", { class: "bar", role: "group", "aria-label": words.run });
  const back = element("button", "◀ " + words.back, { type: "button" });
  const on = element("button", words.forward + " ▶", { type: "button" });
  const run = element("button", words.play, { type: "button" });
  const count = element("span", "", { class: "count", "aria-hidden": "true" });
  const said = element("span", "", { class: "unseen", "aria-live": "polite" });
  const here = element("a", words.here, {});
  let choose = null;
  back.onclick = () => show(now - 1);
  on.onclick = () => show(now + 1);
  run.onclick = () => {
    if (timer)
      return pause();
    if (now === last)
      show(0);
    run.textContent = words.pause;
    timer = setInterval(() => show(now + 1), 1200);
  };
  bar.append(back, run, on);
  if (data.scenes.length > 1) {
    choose = element("select", "", { "aria-label": words.scene });
    data.scenes.forEach(([step, title]) => choose.append(element("option", title, { value: step })));
    choose.onchange = () => show(Number(choose.value));
    bar.append(choose);
  }
  bar.append(count, said, here);
  root.prepend(bar);

  const done = element("label", " " + words.done, { class: "done" });
  const tick = element("input", "", { type: "checkbox" });
  tick.checked = store.get("done " + data.demo) === "1";
  tick.onchange = () => store.set("done " + data.demo, tick.checked ? "1" : "");
  done.prepend(tick);
  root.append(done);

  root.addEventListener("click", event => {
    const row = event.target.closest("[data-step]"), line = event.target.closest(".line");
    if (row)
      show(Number(row.dataset.step));
    else if (line && !event.target.closest("a")) {
      const file = files.indexOf(line.closest("[data-file]"));
      const leads = step => data.steps[step] && data.steps[step][0] === file && data.steps[step][1] === Number(line.dataset.line);
      const found = [...data.steps.keys()].map(i => (now + 1 + i) % (last + 1)).find(leads);
      if (found !== undefined)
        show(found);
    }
  });
  document.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea"))
      return;
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key], box = event.target.closest("[tabindex]");
    // In a pane that is wider than its place they are for looking at the rest of it.
    if (move && !(box && box.scrollWidth > box.clientWidth)) {
      event.preventDefault();
      show(now + move);
    }
  });
  function follow() {
    const match = /^#step-(\d+)$/.exec(location.hash);
    if (match) {
      show(Number(match[1]), false);
      root.scrollIntoView();
    }
    return match;
  }
  addEventListener("hashchange", follow);
  root.classList.add("live");
  if (!follow())
    show(0, false);
}

// The run answers the guess: once the player has come to that step, or at once if none of its steps does.
function guess(form) {
  const words = form.dataset, name = "guess " + words.demo;
  const root = document.getElementById("player"), said = form.querySelector("output");
  const box = number => form.querySelector(`input[value="${CSS.escape(number)}"]`);
  const says = (sentence, number) => sentence.replace("{0}", box(number).nextElementSibling.textContent);
  let reached = !("step" in words);
  function tell() {
    const kept = store.get(name);
    if (kept === null || !box(kept))
      return;
    box(kept).checked = true;
    said.textContent = says(words.told, kept) + " " +
      (!reached ? words.wait : kept === words.right ? words.yes : says(words.no, words.right));
  }
  form.querySelector("button").hidden = false;
  root.prepend(said);
  form.onsubmit = event => {
    event.preventDefault();
    const chosen = form.querySelector("input:checked");
    if (!chosen)
      return;
    store.set(name, chosen.value);
    tell();
    root.scrollIntoView();
    root.querySelector(".bar button:not(:disabled)").focus({ preventScroll: true });
  };
  document.addEventListener("step", event => {
    reached ||= event.detail >= Number(words.step);
    tell();
  });
  tell();
}

// The lab, a Linux in this page: nothing of it is loaded before the click, and nothing from a disk.
function lab(box) {
  box.hidden = location.protocol === "file:";
  box.querySelector("button").onclick = () => {
    const frame = element("iframe", "", { src: box.dataset.src, title: box.dataset.title, allow: "clipboard-read; clipboard-write" });
    box.replaceChildren(frame);
    frame.focus();
  };
}

// From the symptom: the rows of the tables below that share the rarest words with what was pasted.
function symptom(form) {
  const rows = [...document.querySelectorAll("article tbody tr")];
  const list = form.querySelector("ol"), split = text => text.toLowerCase().match(/[\w]+/g) || [];
  const bags = rows.map(row => new Set(split(row.textContent)));
  const often = {};
  bags.forEach(bag => bag.forEach(word => { often[word] = (often[word] || 0) + 1; }));
  form.hidden = false;
  form.onsubmit = event => event.preventDefault();
  form.oninput = () => {
    const asked = new Set(split(form.querySelector("input").value));
    const found = rows.map((row, i) => [[...asked].reduce((sum, word) => sum + (bags[i].has(word) ? 1 / often[word] : 0), 0), row])
      .filter(([score]) => score > 0).sort((a, b) => b[0] - a[0]).slice(0, 5);
    list.replaceChildren(...found.map(([, row]) => {
      const item = document.createElement("li");
      item.innerHTML = [...row.cells].map(cell => cell.innerHTML).join(" — ");
      return item;
    }));
    if (asked.size && !found.length)
      list.replaceChildren(element("li", form.dataset.none));
  };
}

document.querySelectorAll("form.guess").forEach(guess);
document.querySelectorAll(".player").forEach(play);
document.querySelectorAll("div.lab").forEach(lab);
document.querySelectorAll("form.symptom").forEach(symptom);
document.querySelectorAll(".mark[data-demo]").forEach(mark => {
  if (store.get("done " + mark.dataset.demo) === "1")
    mark.textContent = "✓ ";
});
document.querySelectorAll("article > p > .count").forEach(count => {
  count.textContent = [...document.querySelectorAll(".mark[data-demo]")].filter(mark => mark.textContent).length;
});
// From a disk a browser loads no search: say so instead of showing a field that finds nothing.
if (location.protocol === "file:") {
  document.querySelectorAll(".md-search, [for=__search]").forEach(part => { part.hidden = true; part.style.display = "none"; });
  document.querySelectorAll(".from-disk").forEach(note => { note.hidden = false; });
}
// What scrolls sideways can be reached with the keyboard.
document.querySelectorAll("article pre, .md-typeset__scrollwrap, .codehilite code, .pair.drawn .said").forEach(box => {
  if (!box.hasAttribute("tabindex") && !box.closest("a"))
    box.tabIndex = 0;
});
