// The lab: terminals on a small Linux that runs in this page (see snapshot.mjs).
"use strict";

const $ = id => document.getElementById(id);
const bytesOf = text => new TextEncoder().encode(text);
const MB = 1e6;
const THEME = { background: "#000000", foreground: "#e6e6e6" };
const terminals = []; // xterm.js' Terminal 1, 2 and, once it is asked for, 3
let machine;

function status(text) {
  $("status").textContent = text;
}

// ---- The porter: our own way in, see root/etc/porter ----

const porter = {
  heard: [], // bytes of the answer that is coming
  line: null, // its first line, once it is there: [status, bytes]
  answer: null,
  last: Promise.resolve(), // one request at a time

  hear(byte) {
    this.heard.push(byte);
    if (!this.line && byte === 10) {
      this.line = String.fromCharCode(...this.heard).split(" ").map(Number);
      this.heard = [];
    }
    if (this.line && this.heard.length === this.line[1]) {
      const answer = { status: this.line[0], bytes: new Uint8Array(this.heard) };
      this.line = null;
      this.heard = [];
      this.answer(answer);
    }
  },

  // Run a shell COMMAND in the machine with INPUT (bytes) as its standard input.
  // Resolves to { status, bytes, text }.
  ask(command, input = new Uint8Array()) {
    this.last = this.last.then(() => new Promise(resolve => {
      this.answer = ({ status, bytes }) => resolve({ status, bytes, text: new TextDecoder().decode(bytes) });
      send("porter", bytesOf(`${input.length} ${command}\n`));
      send("porter", input);
    }));
    return this.last;
  },
};

// ---- The machine's lines: two serial ports, and two consoles of virtio ----

const serial = number => ({
  hears: `serial${number}-output-byte`,
  takes: bytes => machine.serial_send_bytes(number, bytes),
});
const virtio = number => ({
  hears: `virtio-console${number}-output-bytes`,
  takes: bytes => machine.bus.send(`virtio-console${number}-input-bytes`, bytes),
});
const LINES = { ttyS0: serial(0), ttyS1: serial(1), hvc1: virtio(1), porter: virtio(0) };
const TTYS = ["ttyS0", "ttyS1", "hvc1"]; // of terminals 1, 2 and 3
const PIECE = 128; // bytes; so many every ...
const PAUSE = 8; // ... ms the machine has time to take

// Send bytes to a line, piece by piece.
function send(name, bytes) {
  const line = LINES[name];
  line.queue ??= [];
  const idle = line.queue.length === 0;
  for (let i = 0; i < bytes.length; i += PIECE) line.queue.push(bytes.subarray(i, i + PIECE));
  const next = () => {
    if (!line.queue.length) return;
    line.takes(line.queue[0]);
    setTimeout(() => {
      line.queue.shift();
      next();
    }, PAUSE);
  };
  if (idle) next();
}

// Hear what comes from a line, as an array of bytes.
function hear(name, take) {
  machine.add_listener(LINES[name].hears, bytes => take(typeof bytes === "number" ? [bytes] : [...bytes]));
}

// ---- The terminals ----

function openTerminal(index) {
  const place = $(`terminal-${index + 1}`);
  place.parentElement.hidden = false;
  const terminal = new Terminal({ fontSize: 14, theme: THEME, screenReaderMode: $("reader").checked });
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  terminal.textarea.setAttribute("aria-label", `Terminal ${index + 1}`);
  terminal.attachCustomKeyEventHandler(event => {
    if (event.type !== "keydown" || !event.ctrlKey || event.altKey) return true;
    const key = event.key.toLowerCase();
    if (key === "v") return false; // the browser pastes
    if (key === "tab" && event.shiftKey) return false;
    if (key === "c" && terminal.hasSelection()) {
      navigator.clipboard.writeText(terminal.getSelection());
      terminal.clearSelection();
      event.preventDefault();
      return false;
    }
    return true;
  });
  const tty = TTYS[index];
  terminal.onData(text => send(tty, bytesOf(text)));
  terminal.onBinary(text => send(tty, Uint8Array.from(text, c => c.charCodeAt(0))));
  let out = []; // what has come since the last frame
  hear(tty, bytes => {
    if (!out.length) {
      setTimeout(() => {
        terminal.write(new Uint8Array(out));
        out = [];
      }, 4);
    }
    out.push(...bytes);
  });
  const size = () => porter.ask(`stty -F /dev/${tty} rows ${terminal.rows} cols ${terminal.cols}`);
  fit.fit();
  size().then(() => porter.ask(`[ ! -p /run/${tty} ] || echo >/run/${tty}`));
  terminal.onResize(size);
  new ResizeObserver(() => fit.fit()).observe(place);
  terminals[index] = terminal;
}

// ---- Starting ----

function start() {
  if (typeof WebAssembly !== "object") {
    status("This browser has no WebAssembly, so the machine cannot run here; the lessons can be read all the same.");
    return;
  }
  $("before").hidden = true;
  status("Loading the machine ...");
  machine = new V86({
    wasm_path: "v86.wasm",
    bios: { url: "bios.bin" }, vga_bios: { url: "vgabios-stdvga.bin" },
    initial_state: { url: "state.bin.zst" },
    memory_size: 128 << 20, vga_memory_size: 2 << 20, // as in snapshot.mjs
    uart1: true, virtio_console: true,
    disable_keyboard: true, disable_mouse: true, disable_speaker: true,
    autostart: true,
  });
  machine.add_listener("download-progress", ({ file_name: name, loaded, total }) => {
    if (name.startsWith("state")) {
      status(`Loading the machine: ${(loaded / MB).toFixed(1)} of ${total ? (total / MB).toFixed(1) : "?"} MB`);
    }
  });
  machine.add_listener("download-error", ({ file_name: name }) => status(`The machine cannot be loaded: no ${name}.`));
  hear("porter", bytes => bytes.forEach(byte => porter.hear(byte)));
  machine.add_listener("emulator-started", started);
}

async function started() {
  $("terminals").hidden = false;
  $("tools").hidden = false;
  openTerminal(0);
  openTerminal(1);
  terminals[0].focus();
  status("");
  await porter.ask(`date -s @${Math.floor(Date.now() / 1000)}`);
  await restore();
  await openEditor();
}

// ---- Edit and run ----

const KEPT = "dialtone-lab:"; // and a path: a file of the reader's, in localStorage
const kept = () => Object.keys(localStorage).filter(key => key.startsWith(KEPT)).map(key => key.slice(KEPT.length));
const put = (path, text) => porter.ask(`cat >'${path}'`, bytesOf(text));

const originals = {}; // the text of a file as the snapshot has it, by path
const get = async path => (await porter.ask(`cat '${path}'`)).text;

async function restore() {
  for (const path of kept()) {
    originals[path] = await get(path);
    await put(path, localStorage[KEPT + path]);
  }
}

// Of a path, e.g. exercises/first_server.c, the program: exercises/first_server.
const program = path => path.replace(/\.c$/, "");

async function openEditor() {
  const { text } = await porter.ask("ls */*.c");
  for (const path of text.trim().split("\n")) $("file").add(new Option(path));
  const wanted = new URLSearchParams(location.search).get("demo") ?? "tcp_server";
  for (const { value } of $("file").options) {
    if (value.endsWith(`/${wanted}.c`)) $("file").value = value;
  }
  $("edit").hidden = false;
  await openFile();
}

async function openFile() {
  const path = $("file").value;
  $("source").value = await get(path);
  originals[path] ??= $("source").value;
  $("said").textContent = "";
}

function keep() {
  localStorage[KEPT + $("file").value] = $("source").value;
}

async function build() {
  const path = $("file").value;
  keep();
  $("said").textContent = "building ...";
  await put(path, $("source").value);
  const begun = performance.now();
  const { status, text } = await porter.ask(`timeout 60 tcc -g -Wall -o '${program(path)}' '${path}'`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  $("said").textContent = text + (status === 0 ? `built in ${seconds} s` : "not built");
  return status === 0;
}

$("start").onclick = start;
$("third").onclick = () => {
  if (!terminals[2]) openTerminal(2);
  $("third").setAttribute("aria-expanded", "true");
  $("third").disabled = true;
  terminals[2].focus();
};
$("reader").onchange = () => terminals.forEach(t => { t.options.screenReaderMode = $("reader").checked; });
$("again").onclick = () => {
  location.hash = "start";
  location.reload();
};
$("file").onchange = openFile;
$("source").oninput = keep;
$("build").onclick = build;
$("run").onclick = async () => {
  if (!await build()) return;
  terminals[0].focus();
  terminals[0].input(`\x03clear; ~/dialtone/${program($("file").value)}\r`);
};
$("forget").onclick = async () => {
  const path = $("file").value;
  localStorage.removeItem(KEPT + path);
  await put(path, originals[path]);
  await openFile();
};
$("download").onclick = async () => {
  const files = kept().map(path => `'${path}'`).join(" ");
  if (!files) {
    $("said").textContent = "You have changed nothing yet.";
    return;
  }
  const { bytes } = await porter.ask(`tar -cf - ${files}`);
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([bytes])), download: "dialtone.tar",
  });
  link.click();
  URL.revokeObjectURL(link.href);
};
if (location.hash === "#start") start();
