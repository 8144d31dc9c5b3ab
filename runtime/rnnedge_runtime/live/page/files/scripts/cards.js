// Newest readings, latency, counters, and the newest forecast in numbers.

import { ahead, digitsOf, duration, number, time, unit, whole } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const byId = (name) => document.getElementById(name);

function make(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

function pair(name, value, small = '') {
  return make('div', make('dt', name), make('dd', value, ...(small ? [make('small', ` ${small}`)] : [])));
}

export function showInputs(rows, about) {
  byId('inputs').replaceChildren(...about.features.map((feature, k) => pair(
    feature.name, number(rows.last(rows.readings, k), digitsOf(rows.readings[k] ?? [])), unit(feature.unit),
  )));
}

export function showNumbers(rows, about) {
  const head = make('tr', ...['time', ...about.targets.map((target) => `${target.name}${target.unit ? `, ${unit(target.unit)}` : ''}`)].map((text) => {
    const cell = make('th', text);
    cell.scope = 'col';
    return cell;
  }));
  const period = rows.period(about.period_s);
  const start = rows.time.at(-1);
  const lines = Array.from({ length: about.horizon }, (_, k) => {
    const first = make('th', time(start + (k + 1) * period, about.period_s), make('small', `  in ${ahead(k + 1, about.period_s)}`));
    first.scope = 'row';
    return make('tr', first, ...about.targets.map((target) => make('td', number(rows.last(rows.values, target.middle[k]), digitsOf(rows.values[target.middle[k]])))));
  });
  byId('numbers').replaceChildren(make('thead', head), make('tbody', ...lines));
}

export function showState(state, rate) {
  const { latency } = state;
  const below = (value) => (value === null ? '\u2013' : value > latency.bounds.at(-1) ? `> ${duration(latency.bounds.at(-1))}` : `< ${duration(value)}`);
  byId('latency').replaceChildren(
    pair('half of all', below(latency.p50)), pair('99 of 100', below(latency.p99)),
    pair('forecasts', rate === null ? whole(state.forecasts) : `${whole(Math.round(rate))}/s`),
  );
  showBars(latency);
  byId('counters').tBodies[0].replaceChildren(...state.counters.map(([name, what, count]) => {
    const first = make('th', make('small', `${name} `), what);
    first.scope = 'row';
    return make('tr', first, make('td', whole(count)));
  }));
}

function showBars({ bounds, counts, p99 }) {
  const most = Math.max(1, ...counts);
  const bars = byId('bars');
  bars.setAttribute('aria-label', p99 === null ? 'No forecast yet' : `Histogram: 99 of 100 forecasts within ${duration(p99)}`);
  bars.replaceChildren(...counts.map((count, k) => {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 10 56');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const bar = document.createElementNS(SVG, 'rect');
    const height = count ? Math.max(2, 56 * Math.sqrt(count / most)) : 1;
    Object.entries({ x: 0, width: 10, y: 56 - height, height }).forEach(([name, value]) => bar.setAttribute(name, value));
    svg.append(bar);
    const isNamed = [1, 4, 7, 10, 13].includes(k);
    return make('div', svg, isNamed ? duration(bounds[k]) : '\u00a0');
  }));
}
