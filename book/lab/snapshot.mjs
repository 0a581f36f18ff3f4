// snapshot.mjs V86-FOLDER FIRMWARE-FOLDER KERNEL INITRD OUT: start the machine, and
// write what it then is into OUT (for the page's initial_state).
import fs from "node:fs";
import path from "node:path";

const [v86Folder, firmware, kernel, initrd, out] = process.argv.slice(2);
if (!out) {
  console.error("usage: snapshot.mjs V86-FOLDER FIRMWARE-FOLDER KERNEL INITRD OUT");
  process.exit(2);
}
const { V86 } = await import(path.resolve(v86Folder, "libv86.mjs"));
const file = name => {
  const { buffer, byteOffset, byteLength } = fs.readFileSync(name);
  return { buffer: buffer.slice(byteOffset, byteOffset + byteLength) };
};
const started = Date.now();
const say = text => console.log(`${((Date.now() - started) / 1000).toFixed(1)} s: ${text}`);

const machine = new V86({
  wasm_path: path.join(v86Folder, "v86.wasm"),
  bios: file(path.join(firmware, "bios.bin")),
  vga_bios: file(path.join(firmware, "vgabios-stdvga.bin")),
  bzimage: file(kernel),
  initrd: file(initrd),
  // Without the files of the tracer, of which there are 10 MB, and with the kernel always at the same address.
  cmdline: "console=ttyS0 quiet initcall_blacklist=isapnp_init,tracer_init_tracefs cryptomgr.notests tsc=reliable " +
    "mitigations=off random.trust_cpu=on nowatchdog nokaslr debugfs=off apparmor=0",
  // Not less: the emulator puts the initrd at 64 MiB. The page must say the same.
  memory_size: 128 << 20, vga_memory_size: 2 << 20,
  uart1: true, virtio_console: true,
  disable_keyboard: true, disable_mouse: true, disable_speaker: true,
  autostart: true,
});
machine.add_listener("emulator-ready", () => { // somebody listens: see crtscts in root/etc/prepare
  for (const port of [0, 1]) machine.serial_set_clear_to_send(port, true);
});
machine.add_listener("serial0-output-byte", byte => process.stdout.write(String.fromCharCode(byte)));

// The porter (root/etc/porter) on a console of its own.
let heard = "";
let answer = () => {};
machine.add_listener("virtio-console0-output-bytes", bytes => {
  heard += String.fromCharCode(...bytes);
  for (;;) {
    const end = heard.indexOf("\n");
    const [status, length] = heard.slice(0, end).split(" ").map(Number);
    if (end === -1 || heard.length < end + 1 + length) return;
    const text = heard.slice(end + 1, end + 1 + length);
    heard = heard.slice(end + 1 + length);
    answer({ status, text });
  }
});
const ask = command => new Promise(resolve => {
  answer = resolve;
  machine.bus.send("virtio-console0-input-bytes", new TextEncoder().encode(`0 ${command}\n`));
});
const must = async command => {
  const { status, text } = await ask(command);
  if (status !== 0) {
    console.error(`snapshot: '${command}' ended with status ${status}:\n${text}`);
    process.exit(1);
  }
  return text;
};

await new Promise(resolve => { answer = resolve; }); // the porter's greeting
say("the machine is up");
// What is free is filled with zeros, but for 1 MiB: then the snapshot is small. The part of the memory for
// old devices, too, which the kernel would spare (in it lies the kernel as it was loaded).
await must(`cd /proc/sys/vm && reserve=$(cat lowmem_reserve_ratio) spare=$(cat min_free_kbytes) &&
  echo 3 >drop_caches && echo 0 0 0 >lowmem_reserve_ratio && echo 128 >min_free_kbytes &&
  mkdir /z && mount -t tmpfs -o size=100% z /z &&
  dd if=/dev/zero of=/z/zeros bs=64k count=$(awk '/^MemFree/ { print int(($2 - 1024) / 64) }' /proc/meminfo) &&
  umount /z && rmdir /z && echo $reserve >lowmem_reserve_ratio && echo $spare >min_free_kbytes`.replaceAll("\n", " "));
say(`zeroed; ${(await must("free -m | sed -n 2p")).trim()}`);
await new Promise(resolve => setTimeout(resolve, 1000)); // until it is idle
fs.writeFileSync(out, new Uint8Array(await machine.save_state()));
say(`the snapshot has ${fs.statSync(out).size} bytes`);
process.exit(0);
