// The map: a grid of degrees in place of a base map, where the car was last, and its way there. The table beside it says the same.
"use strict";

const STEPS = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];

function stepOf(map, zoom) {
  const degrees = 360 / (2 ** zoom * 256) * 110;
  return STEPS.findLast((step) => step >= degrees) || STEPS[0];
}

function drawTile(tile, map, coords, colours) {
  const size = 256;
  const paper = tile.getContext("2d");
  const step = stepOf(map, coords.z);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const corner = L.point(coords.x * size, coords.y * size);
  const [northWest, southEast] = [corner, corner.add([size, size])].map((point) => map.unproject(point, coords.z));
  paper.strokeStyle = colours.line;
  paper.lineWidth = 0.5;
  paper.fillStyle = colours.ink;
  paper.font = "10px sans-serif";
  for (let at = Math.ceil(northWest.lng / step) * step; at < southEast.lng; at += step) {
    const x = Math.round(map.project([northWest.lat, at], coords.z).x - corner.x) + 0.5;
    paper.beginPath(); paper.moveTo(x, 0); paper.lineTo(x, size); paper.stroke();
    if (x + 64 < size) paper.fillText(`${at.toFixed(digits)}° E`, x + 3, 11);
  }
  for (let at = Math.ceil(southEast.lat / step) * step; at < northWest.lat; at += step) {
    const y = Math.round(map.project([at, northWest.lng], coords.z).y - corner.y) + 0.5;
    paper.beginPath(); paper.moveTo(0, y); paper.lineTo(size, y); paper.stroke();
    if (y > 24) paper.fillText(`${at.toFixed(digits)}° N`, 3, y - 3);
  }
}

function colour(place, name) { // a token may have two values: what it comes to is asked of an element that wears it
  place.style.color = `var(${name})`;
  const found = getComputedStyle(place).color;
  place.style.color = "";
  return found;
}

function show(place) {
  const colours = { line: colour(place, "--strong"), ink: colour(place, "--muted"), mark: colour(place, "--accent") };
  const at = [Number(place.dataset.latitude), Number(place.dataset.longitude)];
  const way = (place.dataset.track || "").split(";").filter(Boolean).map((point) => point.split(",").map(Number));
  const map = L.map(place, { attributionControl: false, fadeAnimation: false });
  if (way.length > 1) map.fitBounds(way, { maxZoom: 15, padding: [24, 24] });
  else map.setView(at, 13);
  const Grid = L.GridLayer.extend({
    createTile(coords) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 256;
      drawTile(tile, map, coords, colours);
      return tile;
    },
  });
  new Grid({ minZoom: 3, maxZoom: 18 }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  if (way.length > 1) L.polyline(way, { color: colours.mark, weight: 3 }).addTo(map);
  L.circleMarker(at, { radius: 8, color: colours.mark, weight: 3, fillOpacity: 0.35 }).addTo(map);
}

const place = document.getElementById("map");
if (place && window.L) show(place);
