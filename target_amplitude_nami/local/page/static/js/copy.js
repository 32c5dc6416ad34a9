// A button that copies a text.
import { announce, el } from "./dom.js";

const SHOWN_FOR = 1500;

/**
 * @param {string} text
 * @param {string} what What it copies, for the button's name.
 */
export function copyButton(text, what) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` });
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const done = await copy(text);
    button.textContent = done ? "Copied" : "Not allowed";
    announce(done ? `Copied ${what}` : "The browser does not allow copying");
    setTimeout(() => (button.textContent = "Copy"), SHOWN_FOR);
  });
  return button;
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
