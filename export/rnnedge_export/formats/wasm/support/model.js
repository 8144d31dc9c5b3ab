// {{file}} in JavaScript, for browsers and Node 18 or newer. Written by rnnedge; MIT licence.
//
//   import { load } from './{{module}}';
//   const model = await load();               // or load(url), load(bytes)
//   const y = model.step(readings, time);     // values of model.features, Unix time in seconds
//
// A reading that is null, NaN, infinite or outside the range of its feature is missing. Every
// output is one of model.outputs.

const REFUSED = ['', 'it is damaged or no snapshot', 'it is of a newer version', 'it is of another model'];

class Model {
  #module;
  #places; // name, shape and place in a snapshot of each state tensor

  constructor(module, instance, about) {
    this.#module = module;
    this.wasm = instance.exports;
    this.digest = about.digest;
    this.spec = about.spec;
    this.features = about.spec.features; // name and unit of each reading
    this.outputs = about.outputs; // name and unit of each value of y
    this.#places = about.state;
    const wrong = this.wasm.selftest();
    if (wrong) throw new Error(`the recorded step ${wrong} is not repeated: the file is damaged`);
  }

  // A further stream of the same model, with a state of its own.
  async stream() {
    return open(this.#module);
  }

  // One step: y as a new Float32Array. `time` may be left out where nothing is derived from it.
  step(readings, time) {
    const [features, inputs] = [this.wasm.num_features(), this.wasm.input_size()];
    if (Object(readings) !== readings) throw new TypeError(`step: the readings are ${kind(readings)}, expected an array of ${features}`);
    const values = Array.from(readings, (value, k) => reading(value, this.features[k], k));
    const isWhole = values.length === inputs && (features === inputs || time === undefined); // derived inputs given, too
    if (values.length !== features && !isWhole) {
      throw new RangeError(`step: ${values.length} readings, expected ${features}: ${this.features.map((f) => f.name).join(', ')}`);
    }
    if (!isWhole && !Number.isSafeInteger(time)) {
      throw new TypeError(`step: the time is ${time}, expected whole seconds since 1970, Math.floor(Date.now() / 1000)`);
    }
    new Float32Array(this.wasm.memory.buffer, this.wasm.x(), inputs).set(values);
    if (!isWhole) this.wasm.time(0, time);
    if (this.wasm.step()) throw new RangeError('step: a reading is missing that must not be; the state is as before');
    return new Float32Array(this.wasm.memory.buffer, this.wasm.y(), this.wasm.output_size()).slice();
  }

  reset() {
    this.wasm.reset();
  }

  // The state as bytes, which every rnnedge runtime of this model restores.
  snapshot() {
    this.wasm.save();
    return new Uint8Array(this.wasm.memory.buffer, this.wasm.snapshot(), this.wasm.snapshot_nbytes()).slice();
  }

  // The state by name, h_0 and so on: a Float32Array each.
  state() {
    this.wasm.save();
    const view = this.#view();
    return Object.fromEntries(this.#places.map(({ name, at, shape }) => [name, Float32Array.from({ length: size(shape) }, (_, k) => view.getFloat32(at + 4 * k, true))]));
  }

  // Sets the tensors that `state` names, arrays of the lengths that state() gives; the others stay.
  setState(state) {
    const names = this.#places.map(({ name, shape }) => `${name} [${shape}]`).join(', ');
    if (Object(state) !== state) throw new TypeError(`setState: the state is ${kind(state)}, expected an object of arrays: ${names}`);
    const given = Object.entries(state).map(([name, values]) => {
      const place = this.#places.find((each) => each.name === name);
      if (!place) throw new RangeError(`setState: the model has no state '${name}'; its states are ${names}`);
      return [place.at, checked(place, values)];
    });
    this.wasm.save();
    const view = this.#view();
    for (const [at, floats] of given) floats.forEach((value, k) => view.setFloat32(at + 4 * k, value, true));
    this.wasm.seal();
    if (this.wasm.restore(this.wasm.snapshot_nbytes())) throw new Error('setState: the state is refused and as before');
  }

  #view() {
    return new DataView(this.wasm.memory.buffer, this.wasm.snapshot(), this.wasm.snapshot_nbytes());
  }

  restore(source) {
    const bytes = kind(source) === 'ArrayBuffer' ? new Uint8Array(source) : source;
    if (kind(bytes) !== 'Uint8Array') throw new TypeError(`restore: the snapshot is ${kind(source)}, expected a Uint8Array or an ArrayBuffer`);
    const room = new Uint8Array(this.wasm.memory.buffer, this.wasm.snapshot(), this.wasm.max_snapshot_nbytes());
    room.set(bytes.subarray(0, room.length));
    const status = this.wasm.restore(bytes.length);
    if (status) throw new Error(`restore: the snapshot is refused: ${REFUSED[status]}; the state is as before`);
  }
}

const kind = (value) => (value == null ? String(value) : Object.prototype.toString.call(value).slice(8, -1));

const size = (shape) => shape.reduce((n, length) => n * length, 1);

function checked({ name, shape, limit }, values) {
  const floats = Object(values) === values ? Array.from(values) : [];
  if (floats.length !== size(shape)) throw new RangeError(`setState: '${name}' has ${floats.length} values, expected ${size(shape)}`);
  floats.forEach((value, k) => {
    const isFlag = name.startsWith('d_') && k === floats.length - 1;
    let expected = Number.isFinite(value) && Number.isFinite(Math.fround(value)) ? '' : 'a finite float32';
    if (!expected && limit !== null && Math.abs(Math.fround(value)) > limit) expected = `at most ${limit} in size`;
    if (!expected && isFlag && value !== 0 && value !== 1) expected = '0 before the first step, else 1';
    if (expected) throw new RangeError(`setState: '${name}[${k}]' is ${String(value)}, expected ${expected}; the state is as before`);
  });
  return floats;
}

function reading(value, feature, k) {
  if (typeof value === 'number' || value === null) return value ?? NaN;
  throw new TypeError(`step: the reading of ${feature?.name ?? `input ${k}`} is '${String(value)}', expected a number; a missing one is null or NaN`);
}

async function open(module) {
  const [section] = WebAssembly.Module.customSections(module, 'rnnedge');
  if (!section) throw new Error('the file is no model that rnnedge exported');
  const about = JSON.parse(new TextDecoder().decode(section));
  return new Model(module, await WebAssembly.instantiate(module), about);
}

async function read(source) {
  if (typeof source !== 'string' && !(source instanceof URL)) return source;
  if (globalThis.process?.versions?.node && !/^https?:/.test(source)) {
    const { readFile } = await import('node:fs/promises');
    return readFile(/^file:/.test(source) ? new URL(source) : source);
  }
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`${source}: HTTP status ${answer.status}`);
  return answer.arrayBuffer();
}

export async function load(source = new URL('{{url}}', import.meta.url)) {
  return open(await WebAssembly.compile(await read(source)));
}
