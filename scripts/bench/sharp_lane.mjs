// sharp in the pixel bench: by its defaults, and with our encoders' efforts. The same lines of
// JSON as in pixel_lane.py. Arguments: folder of the pictures, folder of the package.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [folder, packages] = process.argv.slice(2);
const sharp = createRequire(join(packages, "package.json"))("sharp");
// One core a process; and it would remember a picture, while a mirror sees each once.
sharp.concurrency(1);
sharp.cache(false);

const EFFORTS = { sharp: {}, sharp_tuned: { webp: { effort: 2 }, avif: { effort: 0 } } };
const pictures = readdirSync(folder).sort().map((name) => readFileSync(join(folder, name)));

function output(data, [side, format, quality], efforts) {
  const image = sharp(data)
    .rotate()
    .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true });
  const options = { quality, ...efforts[format] };
  if (format === "webp") return image.webp(options).toBuffer();
  if (format === "avif") return image.avif(options).toBuffer();
  return image.flatten({ background: "#fff" }).jpeg({ ...options, progressive: true }).toBuffer();
}

async function answer({ picture, engine, outputs, keep }) {
  const files = [];
  const clock = performance.now();
  const before = process.cpuUsage();
  try {
    for (const wanted of outputs) {
      files.push(await output(pictures[picture], wanted, EFFORTS[engine]));
    }
  } catch (error) {
    return { error: String(error).slice(0, 300) };
  }
  const { user, system } = process.cpuUsage(before);
  return {
    cpu_ms: (user + system) / 1000,
    wall_ms: performance.now() - clock,
    bytes: files.map((file) => file.length),
    ...(keep && { files: files.map((file) => file.toString("base64")) }),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
