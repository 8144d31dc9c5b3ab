// SPDX-License-Identifier: MIT
// node host.mjs MODEL.js MODEL.wasm: obeys orders on standard input until it ends.
// An order is a code, a stream, the size of its data and the data; an answer a status, a size
// and data. Words are 32 bits, little-endian. Status -1: the data are the text of an error.
import { readSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [NEW, DROP, STEP, RUN, SAVE, RESTORE, RESET, SELFTEST, TIME] = Array(9).keys();
const HEADER = 12;

function readAll(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const count = readSync(0, bytes, at, size - at, null);
    if (!count) return null;
    at += count;
  }
  return bytes;
}

function answer(status, data = new Uint8Array()) {
  const bytes = Buffer.alloc(8 + data.length);
  bytes.writeInt32LE(status, 0);
  bytes.writeUInt32LE(data.length, 4);
  bytes.set(data, 8);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

const bytesOf = (floats) => new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

function rowsOf(wasm, data) {
  const floats = new Float32Array(new Uint8Array(data).buffer);
  const width = wasm.input_size();
  return Array.from({ length: floats.length / width }, (_, t) => floats.subarray(t * width, (t + 1) * width));
}

function run(wasm, data) {
  const size = 4 * wasm.input_size() * wasm.rows();
  const parts = [];
  for (let at = 0; at < data.length; at += size) {
    const part = data.subarray(at, at + size);
    new Uint8Array(wasm.memory.buffer, wasm.x(), part.length).set(part);
    const n = part.length / 4 / wasm.input_size();
    const status = wasm.run(n);
    if (status) throw new Error(`run gave ${status}`);
    parts.push(Buffer.from(new Uint8Array(wasm.memory.buffer, wasm.y(), 4 * n * wasm.output_size())));
  }
  return Buffer.concat(parts);
}

function restore(wasm, data) {
  const room = (wasm.max_snapshot_nbytes ?? wasm.snapshot_nbytes)(); // earlier modules lack the first
  new Uint8Array(wasm.memory.buffer, wasm.snapshot(), room).set(data.subarray(0, room));
  return wasm.restore(data.length);
}

function time(wasm, data) {
  wasm.time(0, Number(data.readBigInt64LE()));
  const [from, to] = [wasm.num_features(), wasm.input_size()];
  return bytesOf(new Float32Array(wasm.memory.buffer, wasm.x(), to).slice(from));
}

const streams = new Map();
const { load } = await import(pathToFileURL(process.argv[2]));
const model = await load(process.argv[3]);

async function obey(order, id, data) {
  if (order === NEW) {
    streams.set(id, await model.stream());
    return answer(0);
  }
  const stream = streams.get(id);
  const { wasm } = stream;
  switch (order) {
    case DROP: streams.delete(id); return answer(0);
    case STEP: return answer(0, Buffer.concat(rowsOf(wasm, data).map((row) => bytesOf(stream.step(row)))));
    case RUN: return answer(0, run(wasm, data));
    case SAVE: return answer(0, stream.snapshot());
    case RESTORE: return answer(restore(wasm, data));
    case RESET: stream.reset(); return answer(0);
    case SELFTEST: return answer(wasm.selftest());
    case TIME: return answer(0, time(wasm, data));
  }
  throw new Error(`order ${order}`);
}

answer(0, Buffer.from(model.digest));
for (;;) {
  const header = readAll(HEADER);
  if (!header) break;
  const data = readAll(header.readUInt32LE(8)) ?? Buffer.alloc(0);
  try {
    await obey(header.readUInt32LE(0), header.readUInt32LE(4), data);
  } catch (error) {
    answer(-1, Buffer.from(String(error)));
  }
}
