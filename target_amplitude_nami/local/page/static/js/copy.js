// Buttons that copy a text.
import { announce, el } from "./dom.js";

const SHOWN_FOR = 1500;

/**
 * @param {string} text
 * @param {string} what What it copies, for the button's name.
 */
export function copyButton(text, what) {
  const button = lateCopyButton("Copy", what, () => text);
  button.className = "copy";
  return button;
}

/**
 * Returns a button that copies a text which is made only then.
 * @param {string} title
 * @param {string} what What it copies, for those who listen.
 * @param {() => string | Promise<string>} make
 */
export function lateCopyButton(title, what, make) {
  const name = title === "Copy" ? `Copy ${what}` : null;
  const button = el("button", { type: "button", "aria-label": name }, title);
  const show = (/** @type {string} */ text, /** @type {string} */ spoken) => {
    button.textContent = text;
    announce(spoken);
    setTimeout(() => (button.textContent = title), SHOWN_FOR);
  };
  button.addEventListener("click", async () => {
    let text;
    try {
      text = await make();
    } catch (error) {
      return show("Nothing to copy", /** @type {Error} */ (error).message);
    }
    if (await copy(text)) show("Copied", `Copied ${what}`);
    else show("Not allowed", "The browser does not allow copying");
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
