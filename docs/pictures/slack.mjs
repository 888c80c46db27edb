// Draws the Slack cards of a folder of payloads: node slack.mjs PAYLOADS PICTURES
// Needs `npm install slack-blocks-to-jsx@1.1.1 react react-dom` beside it, and Debian's chromium.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { Message } from "slack-blocks-to-jsx";

const PHONE = 420;
const QUIET = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--hide-scrollbars", "--default-background-color=ffffffff",
];
const [payloads, pictures] = process.argv.slice(2);
const style = readFileSync(
  join(createRequire(import.meta.url).resolve("slack-blocks-to-jsx"), "../style.css"), "utf8");
const logo = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36"><rect width="36" height="36" rx="6" fill="#4a6cf7"/><text x="18" y="25" font-size="20" text-anchor="middle" fill="#fff">Q</text></svg>');
const people = JSON.parse(readFileSync(join(payloads, "people.json"), "utf8")).slack;
const hooks = { user: ({ user_id, id }) => createElement("b", null, `@${people[user_id ?? id]}`) };
const page = mkdtempSync(join(tmpdir(), "slack-"));

for (const file of readdirSync(payloads).filter((f) => f.startsWith("slack-") && f.endsWith(".json"))) {
  const { blocks } = JSON.parse(readFileSync(join(payloads, file), "utf8"));
  const time = new Date(Date.UTC(2026, 0, 5, 12));
  const body = renderToStaticMarkup(
    createElement(Message, { blocks, name: "Quotabot", logo, theme: "light", time, hooks }));
  const html = join(page, `${file}.html`);
  writeFileSync(html, `<!doctype html><meta charset="utf-8"><style>${style}
    body { margin: 0; padding: 12px; width: ${PHONE - 24}px; background: #fff; font-family: Lato, "Noto Sans", sans-serif }
  </style>${body}<script>document.title = document.documentElement.scrollHeight</script>`);
  const dom = execFileSync("chromium", [...QUIET, `--window-size=${PHONE},100`, "--dump-dom", `file://${html}`], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const height = Number(/<title>(\d+)<\/title>/.exec(dom)[1]);
  const picture = resolve(pictures, file.replace(".json", ".png"));
  execFileSync("chromium", [...QUIET, `--window-size=${PHONE},${height}`, `--screenshot=${picture}`, `file://${html}`], { stdio: "ignore" });
  console.log(picture);
}
