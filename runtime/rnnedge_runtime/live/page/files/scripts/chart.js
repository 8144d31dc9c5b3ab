// One chart: the readings of a target, what was forecast of them, and the newest forecast.

import { ahead, digitsOf, duration, number, time, unit } from './format.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Readings that are shown at most.
const RANGES = [48, 120, 240];

function element(tag, options = {}, ...children) {
  const { className, ...rest } = options;
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(rest)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export class Chart {
  constructor(target, about) {
    this.target = target;
    this.about = about;
    this.step = target.middle.length;
    this.most = Math.min(RANGES.at(-1), RANGES.find((range) => range >= 4 * this.step) ?? RANGES.at(-1));
    this.data = null;
    this.title = element('h2', {}, target.name);
    this.readout = element('dl', { className: 'readout' });
    this.plot = element('div', { className: 'plot', tabindex: '0', role: 'img' });
    this.hint = element('p', { className: 'hint', 'aria-live': 'off' });
    this.ranges = element('div', { className: 'ranges', role: 'group', 'aria-label': 'Shown' });
    this.card = element(
      'article', { className: 'card chart' },
      element('div', { className: 'head' }, this.title, this.readout), this.plot,
      element('div', { className: 'foot' }, this.earlier(), this.hint, this.ranges),
    );
    this.figures = ['reading', 'ahead', 'last'].map((name) => this.figure(name));
    this.plot.addEventListener('keydown', (event) => this.pressed(event));
    this.plot.addEventListener('blur', () => this.pointAt(null));
    new ResizeObserver(() => this.resize()).observe(this.plot);
    document.addEventListener('scheme', () => this.redraw());
  }

  // The line of forecasts that were made so long before.
  earlier() {
    const { target, about } = this;
    const choice = element('select', { 'aria-label': `${target.name}: how long before the forecasts shown were made` });
    target.middle.forEach((_, k) => choice.append(new Option(ahead(k + 1, about.period_s), k + 1)));
    choice.value = this.step;
    choice.addEventListener('change', () => {
      this.step = Number(choice.value);
      this.show(this.rows);
    });
    return element('label', { className: 'made' }, element('i', { className: 'key earlier', 'aria-hidden': 'true' }), element('span', { className: 'word' }, 'forecast'), 'made', choice, 'before');
  }

  offerRanges() {
    const texts = RANGES.map((range) => duration(range * this.period));
    if (texts.join() === this.offered) return;
    this.offered = texts.join();
    this.ranges.replaceChildren(...RANGES.map((range, k) => {
      const button = element('button', { type: 'button', 'aria-pressed': range === this.most }, texts[k]);
      button.addEventListener('click', () => {
        this.most = range;
        [...this.ranges.children].forEach((other) => other.setAttribute('aria-pressed', other === button));
        this.show(this.rows);
      });
      return button;
    }));
  }

  figure(name) {
    const label = element('span');
    const value = element('dd');
    const key = name === 'last' ? '' : element('i', { className: `key ${name}`, 'aria-hidden': 'true' });
    const row = element('div', { className: name === 'last' ? 'ahead' : name }, element('dt', {}, key, label), value);
    this.readout.append(row);
    return { row, label, value };
  }

  show(rows) {
    const { target, about } = this;
    this.period = rows.period(about.period_s);
    this.rows = rows;
    this.data = rows.columns(target, this.period, this.step, this.most);
    this.offerRanges();
    this.digits = digitsOf(target.feature === null ? this.data[3] : this.data[1]);
    this.start = this.data[0].length - target.middle.length - 1;
    if (!this.uplot) this.redraw();
    else this.uplot.setData(this.data);
    this.say();
  }

  say() {
    const { target, about, rows } = this;
    const horizon = target.middle.length;
    const text = (value) => [number(value, this.digits), element('small', {}, ` ${unit(target.unit)}`)];
    const said = [
      ['reading', target.feature === null ? null : rows.last(rows.readings, target.feature)],
      [`in ${ahead(1, about.period_s)}`, rows.last(rows.values, target.middle[0])],
      [`in ${ahead(horizon, about.period_s)}`, rows.last(rows.values, target.middle[horizon - 1])],
    ];
    said.forEach(([label, value], k) => {
      const { row, label: shown, value: place } = this.figures[k];
      shown.textContent = label;
      place.replaceChildren(...text(value));
      row.hidden = (k === 0 && target.feature === null) || (k === 2 && horizon === 1);
      if (row.hidden) row.style.display = 'none';
    });
    const all = said.map(([label, value]) => `${label} ${number(value, this.digits)} ${unit(target.unit)}`);
    this.plot.setAttribute('aria-label', `${target.name}: ${all.join(', ')}. Left and right arrow keys read values.`);
  }

  redraw() {
    if (!this.data) return;
    this.uplot?.destroy();
    const axis = {
      stroke: colour('soft'), font: '12px system-ui, sans-serif', grid: { stroke: colour('line'), width: 1 },
      ticks: { stroke: colour('line'), width: 1, size: 4 }, gap: 4,
    };
    const hours = '{HH}:{mm}';
    const date = '{D} {MMM}';
    const values = [
      [86400, date, '\n{YYYY}', null, null, null, null, null, 1],
      [3600, hours, `\n${date}`, null, `\n${date}`, null, null, null, 1],
      [60, hours, `\n${date}`, null, `\n${date}`, null, null, null, 1],
      [1, '{HH}:{mm}:{ss}', `\n${date}`, null, `\n${date}`, null, null, null, 1],
      [0.001, ':{ss}.{fff}', `\n${date} {HH}:{mm}`, null, `\n${date} {HH}:{mm}`, null, `\n{HH}:{mm}`, null, 1],
    ];
    const line = { points: { show: false }, spanGaps: false };
    const forecast = colour('forecast');
    const options = {
      width: this.plot.clientWidth, height: this.plot.clientHeight, legend: { show: false }, padding: [10, 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { y: { range: (_, low, high) => (low === null ? [0, 1] : this.range(low, high)) } },
      axes: [
        { ...axis, values, space: 70, size: 44 },
        { ...axis, size: (_, texts) => 18 + 7 * Math.max(3, ...(texts ?? []).map((text) => text.length)), values: (_, ticks) => ticks.map((tick) => String(+tick.toFixed(9)).replace('-', '\u2212')), space: 34 },
      ],
      series: [
        {},
        { ...line, stroke: colour('reading'), width: 2 },
        { ...line, stroke: colour('earlier'), width: 1.5 },
        { ...line, stroke: forecast, width: 2.4, dash: [5, 5], points: { show: true, size: 5, width: 0, fill: forecast, filter: (_, k, show) => (show ? this.aheadOnly() : null) } },
        { ...line, stroke: 'transparent', width: 0 },
        { ...line, stroke: 'transparent', width: 0 },
      ],
      bands: [{ series: [5, 4], fill: colour('fan') }],
      hooks: { drawAxes: [(plot) => this.shade(plot)], setCursor: [(plot) => this.tell(plot.cursor.idx)] },
    };
    this.hint.replaceChildren(...this.idle());
    this.uplot = new uPlot(options, this.data, this.plot);
  }

  aheadOnly() {
    return this.target.middle.map((_, k) => this.start + 1 + k);
  }

  range(low, high) {
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - room, high + room];
  }

  // What lies ahead of the newest reading.
  shade(plot) {
    const { ctx, bbox } = plot;
    const left = plot.valToPos(this.data[0][this.start], 'x', true);
    ctx.save();
    ctx.fillStyle = colour('ahead');
    ctx.fillRect(left, bbox.top, bbox.left + bbox.width - left, bbox.height);
    ctx.restore();
  }

  // What the band is, where there is one and nothing is pointed at.
  idle() {
    const { quantiles } = this.about;
    if (!this.target.lower) return [];
    const [low, high] = [quantiles[0], quantiles.at(-1)].map((part) => `${+(100 * part).toFixed(1)}\u00a0%`);
    return [element('i', { className: 'key fan', 'aria-hidden': 'true' }), ` ${low} to ${high}`];
  }

  tell(k) {
    if (k === null || k === undefined || !this.data) {
      this.hint.replaceChildren(...this.idle());
      return;
    }
    const [x, reading, earlier, newest] = this.data.map((column) => column[k]);
    const parts = [];
    const value = (name, found) => { if (found !== null) parts.push(`${name} ${number(found, this.digits)} ${unit(this.target.unit)}`); };
    value('reading', reading);
    value(`forecast ${ahead(this.step, this.about.period_s)} before`, earlier);
    if (k > this.start) value('forecast', newest);
    this.hint.textContent = `${time(x, this.about.period_s)}: ${parts.join(', ') || 'no reading'}`;
  }

  pressed(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === 'Escape') return this.pointAt(null);
    if (!(event.key in moves) || !this.data) return undefined;
    event.preventDefault();
    const last = this.data[0].length - 1;
    const from = this.pointed ?? this.start - Math.min(0, moves[event.key]);
    return this.pointAt(Math.min(last, Math.max(0, from + moves[event.key])));
  }

  pointAt(k) {
    this.pointed = k;
    this.hint.setAttribute('aria-live', k === null ? 'off' : 'polite');
    if (!this.uplot) return;
    if (k === null) this.uplot.setCursor({ left: -10, top: -10 });
    else this.uplot.setCursor({ left: this.uplot.valToPos(this.data[0][k], 'x'), top: 10 });
    this.tell(k);
  }

  resize() {
    this.uplot?.setSize({ width: this.plot.clientWidth, height: this.plot.clientHeight });
  }
}
