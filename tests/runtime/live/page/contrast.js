// The contrast of every text that is seen, against the colour that lies behind it.
(() => {
  const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const found = [];
  const add = (text, colour, below, needed) => found.push({ text, ratio: ratio(over(colour, below), below), needed });
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.getClientRects().length || ['SCRIPT', 'OPTION'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const [r, g, b, a = 1] = parse(style.color);
    add(node.textContent.trim().slice(0, 40), [r, g, b, a * opacity], behind(element), isLarge ? 3 : 4.5);
  }
  const card = behind(document.querySelector('.chart'));
  const colour = (name) => {
    const probe = document.createElement('i');
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const value = parse(getComputedStyle(probe).color);
    probe.remove();
    return value;
  };
  const ahead = over(colour('ahead'), card);
  const fan = over(colour('fan'), ahead);
  for (const name of ['reading', 'earlier', 'forecast']) add(`line ${name}`, colour(name), card, 3);
  add('forecast on its fan', colour('forecast'), fan, 3);
  add('text of axes', colour('soft'), card, 4.5);
  const search = document.querySelector('#search');
  if (search.getClientRects().length) add('placeholder', parse(getComputedStyle(search, '::placeholder').color), behind(search), 4.5);
  return found;
})();
