// SPDX-License-Identifier: MIT
// Runs image.wasm on job.bin into answer.bin, all in the working folder.
'use strict';
const fs = require('fs');

const job = fs.readFileSync('job.bin');
const answer = [];
let at = 0;

const io = {
  read(to, n) {
    if (at + n > job.length) return 1;
    new Uint8Array(wasm.memory.buffer, to, n).set(job.subarray(at, at + n));
    at += n;
    return 0;
  },
  write(from, n) {
    answer.push(Buffer.from(new Uint8Array(wasm.memory.buffer, from, n)));
    return 0;
  },
};

const image = new WebAssembly.Module(fs.readFileSync('image.wasm'));
const wasm = new WebAssembly.Instance(image, {io}).exports;
const code = wasm.main();
fs.writeFileSync('answer.bin', Buffer.concat(answer));
process.exitCode = code;
