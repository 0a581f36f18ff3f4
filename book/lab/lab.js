// The lab: terminals on a small Linux that runs in this page (see snapshot.mjs).
"use strict";

const $ = id => document.getElementById(id);
const bytesOf = text => new TextEncoder().encode(text);
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

// A serial port takes bytes until the machine lowers RTS, because a program does not read
// them (crtscts, see root/etc/prepare); what has come by then still fits.
function serial(number) {
  const line = { hears: `serial${number}-output-byte`, queue: [], piece: 256, room: () => line.ready, ready: true };
  line.takes = bytes => machine.serial_send_bytes(number, bytes);
  line.open = () => machine.add_listener(`serial${number}-request-to-send-output`, on => { line.ready = on; });
  return line;
}

// A console of virtio takes a piece into each buffer that the machine has laid out for it,
// and would throw away a piece for which there is none.
function virtio(number) {
  const input = number === 0 ? 0 : 2 * number + 2; // the number of its queue of buffers
  return {
    hears: `virtio-console${number}-output-bytes`, queue: [], piece: 4096, open: () => {},
    room: () => machine.v86.cpu.devices.virtio_console.virtio.queues[input].has_request(),
    takes: bytes => machine.bus.send(`virtio-console${number}-input-bytes`, bytes),
  };
}

const LINES = { ttyS0: serial(0), ttyS1: serial(1), hvc1: virtio(1), porter: virtio(0) };
const TTYS = ["ttyS0", "ttyS1", "hvc1"]; // of terminals 1, 2 and 3
const TURN = 4; // ms that the machine gets between two pieces

// Send bytes to a line, piece by piece, as there is room for them.
function send(name, bytes) {
  const line = LINES[name];
  const idle = line.queue.length === 0;
  for (let i = 0; i < bytes.length; i += line.piece) line.queue.push(bytes.subarray(i, i + line.piece));
  const next = () => {
    if (line.queue.length && line.room()) line.takes(line.queue.shift());
    if (line.queue.length) setTimeout(next, TURN);
  };
  if (idle) next();
}

// Hear what comes from a line, as an array of bytes.
function hear(name, take) {
  LINES[name].open();
  machine.add_listener(LINES[name].hears, bytes => take(typeof bytes === "number" ? [bytes] : [...bytes]));
}

// ---- The terminals ----

function openTerminal(index) {
  const place = $(`terminal-${index + 1}`);
  place.parentElement.hidden = false;
  const terminal = new Terminal({ fontSize: 13, lineHeight: 1.1, theme: THEME, screenReaderMode: $("reader").checked });
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  terminal.textarea.setAttribute("aria-label", `Terminal ${index + 1}`);
  let escaped = false; // was the last key Esc? Then Tab is the browser's
  terminal.attachCustomKeyEventHandler(event => {
    if (event.type !== "keydown") return true;
    const key = event.key.toLowerCase();
    if (key === "tab" && escaped) return false;
    if (key !== "shift") escaped = key === "escape";
    if (!event.ctrlKey || event.altKey) return true;
    if (key === "v") return false; // the browser pastes
    if (key === "c" && terminal.hasSelection()) {
      // Only a page that came by https, or from this machine, has the first way.
      if (navigator.clipboard) navigator.clipboard.writeText(terminal.getSelection());
      else document.execCommand("copy");
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
  // Its shell waits for a word in /run/TTY, see root/etc/terminal.
  const size = () => porter.ask(`stty -F /dev/${tty} rows ${terminal.rows} cols ${terminal.cols}; ` +
    `mv /run/${tty} /run/go 2>&- && echo >/run/go; :`);
  fit.fit();
  size();
  terminal.onResize(size);
  new ResizeObserver(() => fit.fit()).observe(place);
  terminals[index] = terminal;
}

// Does its shell wait for a command?
const idle = terminal => {
  const { active } = terminal.buffer;
  return active.getLine(active.baseY + active.cursorY).translateToString(false, 0, active.cursorX).endsWith(" # ");
};

// Type a command in a terminal; what runs there, or was begun, gets Ctrl-C first.
async function type(terminal, command) {
  if (!idle(terminal)) terminal.input("\x03");
  for (let turn = 0; !idle(terminal); turn++) {
    if (turn === 500) return status("Another program has that terminal: end it first.");
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  terminal.input(`${command}\r`);
}

// ---- Starting ----

// The sentence why the machine cannot run here, or nothing.
function hindrance() {
  if (typeof WebAssembly !== "object") {
    return "This browser has no WebAssembly, so the machine cannot run here; the lessons can be read all the same.";
  }
  if (location.protocol === "file:") {
    return "The machine cannot be loaded from a disk: this page must come from a web server (make book-serve).";
  }
  return "";
}

// What goes wrong until the machine runs, in the emulator too, shall not leave the reader waiting.
const FAILURES = ["error", "unhandledrejection"];
const failed = ({ reason, message }) => status(`The machine cannot be started: ${reason?.message ?? message}`);

// The emulator's code, linked with what it IMPORTS. (V86 by itself waits for ever for a file that is not there.)
async function emulator(imports) {
  const answer = await fetch("v86.wasm");
  if (!answer.ok) throw new Error(`no v86.wasm (${answer.status})`);
  return (await WebAssembly.instantiate(await answer.arrayBuffer(), imports)).instance.exports;
}

function start() {
  const why = hindrance();
  status(why);
  if (why) return;
  $("before").hidden = true;
  status("Loading the machine ...");
  for (const kind of FAILURES) addEventListener(kind, failed);
  machine = new V86({
    wasm_fn: emulator,
    bios: { url: "bios.bin" }, vga_bios: { url: "vgabios-stdvga.bin" },
    initial_state: { url: "state.bin.zst" },
    memory_size: 128 << 20, vga_memory_size: 2 << 20, // as in snapshot.mjs
    uart1: true, virtio_console: true,
    disable_keyboard: true, disable_mouse: true, disable_speaker: true,
    autostart: true,
  });
  const bytes = Number($("start").dataset.bytes); // of the snapshot
  machine.add_listener("download-progress", ({ file_name: name, loaded }) => {
    if (name.startsWith("state")) {
      status(`Loading the machine: ${loaded.toLocaleString("en")} of ${bytes.toLocaleString("en")} bytes`);
    }
  });
  machine.add_listener("download-error", ({ file_name: name }) => status(`The machine cannot be loaded: no ${name}.`));
  hear("porter", bytes => bytes.forEach(byte => porter.hear(byte)));
  machine.add_listener("emulator-started", started);
}

async function started() {
  for (const kind of FAILURES) removeEventListener(kind, failed);
  await porter.ask(`date -s @${Math.floor(Date.now() / 1000)}`);
  await restore(); // before there is a shell
  $("terminals").hidden = false;
  $("tools").hidden = false;
  openTerminal(0);
  openTerminal(1);
  terminals[0].focus();
  status("");
  await openEditor();
  // The demo that the address asks for: ?demo=tcp_reset
  const demo = new URLSearchParams(location.search).get("demo");
  if ($("file").value.startsWith(`${demo}/`)) type(terminals[0], `demo ${demo.replace(/^tcp_(server|client)$/, "tcp")}`);
}

// ---- Edit and run ----

const KEPT = "dialtone-lab:"; // and a path: a file of the reader's, in localStorage
// Do something with localStorage; false if the browser does not let us, or it is full.
function stored(what) {
  try {
    return what(localStorage);
  } catch {
    return false;
  }
}
const kept = () => Object.keys(stored(all => ({ ...all })) || {}).filter(key => key.startsWith(KEPT)).map(key => key.slice(KEPT.length));
// The shell's words that write a file whole or not at all: a full disk loses nothing.
const write = path => `{ cat >'${path}.new' && mv '${path}.new' '${path}' || { rm -f '${path}.new'; false; }; }`;
const put = (path, text) => porter.ask(write(path), bytesOf(text));

const originals = {}; // the text of a file as the snapshot has it, by path
const get = async path => (await porter.ask(`cat '${path}'`)).text;

async function restore() {
  for (const path of kept()) {
    originals[path] = await get(path);
    await put(path, stored(all => all[KEPT + path]));
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

let opened = ""; // the path of the file that the editor holds; "" while it comes

async function openFile() {
  const path = $("file").value;
  opened = "";
  $("source").readOnly = true; // until it is there
  const text = await get(path);
  originals[path] ??= text;
  $("source").value = text;
  $("said").textContent = "";
  // An exercise says with which word it is started: ./first_server 8080
  $("words").value = text.match(/ \.\/\w+ (\w+)/)?.[1] ?? "";
  $("source").readOnly = false;
  opened = path;
}

function keep() {
  const done = stored(all => {
    all[KEPT + opened] = $("source").value;
    return true;
  });
  if (!done) status("This browser keeps nothing for us: what you change is gone when the page is left.");
}

let asked = false; // has the reader asked for a build?

async function build() {
  const path = opened;
  if (!path) return false;
  asked = true;
  keep();
  $("said").textContent = "building ...";
  const begun = performance.now();
  const { status, text } = await porter.ask(`${write(path)} && timeout 60 tcc -Wall -o '${program(path)}' '${path}'`,
    bytesOf($("source").value));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  $("said").textContent = status === 0 ? `${text}built in ${seconds} s` : `${text || "Is the machine's disk full?\n"}not built`;
  return status === 0;
}

// The emulator translates a program piece by piece, while it runs: the first time tcc takes 3 s, the ninth
// half a second. So it runs eight times, for nothing, while the reader is changing a line.
async function warmUp() {
  for (let time = 1; time <= 8 && !asked; time++) {
    await porter.ask(`timeout 60 tcc -Wall -o /run/warm '${$("file").value}'; rm -f /run/warm`);
  }
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
$("source").addEventListener("focus", warmUp, { once: true });
$("source").oninput = keep;
$("build").onclick = build;
$("run").onclick = async () => {
  const path = opened;
  if (!await build()) return;
  $("terminal-1").scrollIntoView({ block: "nearest" });
  terminals[0].focus();
  await type(terminals[0], `clear; ~/dialtone/${program(path)} ${$("words").value}`.trim());
};
$("forget").onclick = async () => {
  const path = opened;
  if (!path) return;
  stored(all => all.removeItem(KEPT + path));
  await put(path, originals[path]);
  await openFile();
};
$("download").onclick = async () => {
  // What was kept, and what was changed in a terminal.
  const { bytes } = await porter.ask("set -f; IFS=$(printf '\\nx'); IFS=${IFS%x}; " +
    "set -- $(find . -type f -newer /run/born ! -perm -100); [ $# -eq 0 ] || tar -cf - \"$@\" 2>/dev/null");
  if (!bytes.length) {
    $("said").textContent = "You have changed nothing yet.";
    return;
  }
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([bytes])), download: "dialtone.tar",
  });
  link.click();
  URL.revokeObjectURL(link.href);
};
status(hindrance());
$("start").disabled = hindrance() !== "";
if (location.hash === "#start") start();
