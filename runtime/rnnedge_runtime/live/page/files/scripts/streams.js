// The list of streams: search, pages, keys.

import { number, whole } from './format.js';

const COUNT = 50;
const SVG = 'http://www.w3.org/2000/svg';
const byId = (name) => document.getElementById(name);

function sparkline(values) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 64 20');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return svg;
  const low = Math.min(...known);
  const range = Math.max(...known) - low || 1;
  const line = document.createElementNS(SVG, 'path');
  let pen = 'M';
  let path = '';
  values.forEach((value, k) => {
    if (value === null) { pen = 'M'; return; }
    path += `${pen}${(64 * k / (values.length - 1)).toFixed(1)} ${(18 - 16 * (value - low) / range).toFixed(1)}`;
    pen = 'L';
  });
  line.setAttribute('d', path);
  line.setAttribute('vector-effect', 'non-scaling-stroke');
  svg.append(line);
  return svg;
}

export class Streams {
  constructor(about, choose) {
    this.about = about;
    this.choose = choose;
    this.first = 0;
    this.chosen = null;
    this.items = new Map();
    byId('search').addEventListener('input', () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.go(0), 120);
    });
    byId('back').addEventListener('click', () => this.go(this.first - COUNT));
    byId('next').addEventListener('click', () => this.go(this.first + COUNT));
    byId('chooser').addEventListener('click', () => this.open(byId('chooser').getAttribute('aria-expanded') !== 'true'));
    document.addEventListener('keydown', (event) => this.pressed(event));
    setInterval(() => { if (!document.hidden) this.load(); }, 2000);
  }

  label(name) { return name || this.about.artifact || 'the stream'; }

  open(isOpen) { byId('chooser').setAttribute('aria-expanded', isOpen); }

  go(first) {
    this.first = Math.max(0, first);
    return this.load();
  }

  async load() {
    const asked = new URLSearchParams({ search: byId('search').value.trim(), from: this.first, count: COUNT });
    try {
      const answer = await fetch(`api/series?${asked}`);
      if (!answer.ok) return;
      this.show(await answer.json());
    } catch { /* the pill says it */ }
  }

  show({ total, found, from, series }) {
    if (this.chosen === null && series.length) this.choose(series[0].name);
    const rows = series.map((item) => this.row(item));
    if (!rows.length) {
      const none = document.createElement('li');
      none.className = 'none';
      none.textContent = total ? 'No stream has such a name.' : 'No readings yet.';
      rows.push(none);
    }
    const list = byId('list');
    if (rows.length !== list.children.length || rows.some((row, k) => row !== list.children[k])) {
      const focused = list.contains(document.activeElement) ? document.activeElement : null;
      list.replaceChildren(...rows);
      focused?.focus();
    }
    this.items = new Map(series.map((item) => [item.name, this.items.get(item.name)]));
    const last = from + series.length;
    byId('range').textContent = found ? `${whole(from + 1)}\u2013${whole(last)} of ${whole(found)}` : '0 streams';
    byId('back').disabled = from === 0;
    byId('next').disabled = last >= found;
  }

  row(item) {
    let row = this.items.get(item.name);
    if (!row) {
      row = document.createElement('li');
      const link = document.createElement('a');
      link.href = `#${encodeURIComponent(item.name)}`;
      const name = document.createElement('span');
      name.className = 'name';
      name.textContent = this.label(item.name);
      name.title = name.textContent;
      const value = document.createElement('span');
      value.className = 'value';
      link.append(name, sparkline([]), value);
      row.append(link);
      this.items.set(item.name, row);
    }
    const link = row.firstChild;
    link.children[1].replaceWith(sparkline(item.recent ?? []));
    link.children[2].textContent = number(item.reading, Math.abs(item.reading) >= 1000 ? 0 : 1);
    this.mark(row, item.name);
    return row;
  }

  mark(row, name) {
    if (name === this.chosen) row.firstChild.setAttribute('aria-current', 'true');
    else row.firstChild.removeAttribute('aria-current');
  }

  select(name) {
    this.chosen = name;
    byId('chosen').textContent = this.label(name);
    this.items.forEach((row, key) => this.mark(row, key));
    this.open(false);
  }

  pressed(event) {
    const search = byId('search');
    if (event.key === '/' && document.activeElement !== search && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.open(true);
      search.focus();
      search.select();
    } else if (event.key === 'Escape' && document.activeElement === search) {
      search.value = '';
      this.go(0);
    } else if (['ArrowDown', 'ArrowUp'].includes(event.key) && document.activeElement.closest('.choice')) {
      const links = [...byId('list').querySelectorAll('a')];
      const k = links.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
      event.preventDefault();
      (links[Math.min(k, links.length - 1)] ?? search).focus();
    }
  }
}
