// node examples/browser/measure.mjs NAME.js: what a step takes, the shortest of seven turns.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const STEPS = 20000;
const { load } = await import(pathToFileURL(resolve(process.argv[2])));
const model = await load();
const readings = model.features.map((feature) => feature.initial);
const turn = () => {
  const started = performance.now();
  for (let k = 0; k < STEPS; k++) model.step(readings, 3600 * k);
  return (1000 * (performance.now() - started)) / STEPS;
};
turn();
const shortest = Math.min(...Array.from({ length: 7 }, turn));
console.log(`${process.argv[2]}: ${shortest.toFixed(2)} us a step`);
