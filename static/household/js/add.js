// The code of a device by camera or photo. Where the browser reads codes itself, it does; else a
// small reader is fetched when it is first needed.
import { announce } from "../../homepot/js/announce.js";

const LOOK_EVERY_MS = 250;
const WIDEST = 1200;
const form = document.querySelector("[data-code-form]");
const scan = document.querySelector("[data-scan]");
const view = scan?.querySelector("[data-scan-view]");
const video = scan?.querySelector("[data-scan-video]");
const said = scan?.querySelector("[data-scan-said]");
let stream = null;
let looking = 0;

// A label says an address that ends in the code; some say the code alone.
function codeIn(text) {
  try {
    return new URL(text).searchParams.get("code") ?? "";
  } catch {
    return /^[0-9A-Za-z-]{6,40}$/.test(text.trim()) ? text.trim() : "";
  }
}

async function readerOf() {
  if ("BarcodeDetector" in window) {
    const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
    if (formats.includes("qr_code")) {
      const detector = new BarcodeDetector({ formats: ["qr_code"] });
      return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? "";
    }
  }
  await import(scan.dataset.reader);
  return async (picture) => {
    const width = picture.videoWidth || picture.width;
    const height = picture.videoHeight || picture.height;
    const scale = Math.min(1, WIDEST / Math.max(width, height));
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return window.jsQR(data, canvas.width, canvas.height)?.data ?? "";
  };
}

function take(text) {
  const code = codeIn(text);
  if (!code) {
    say("This is a QR code, but not of a device. Look for the label of the device.");
    return false;
  }
  stop();
  form.elements.claim_code.value = code;
  say("Found it.");
  announce("Code found");
  form.querySelector("[type=submit]").focus();
  return true;
}

function say(sentence) {
  said.textContent = sentence;
}

async function start() {
  say("");
  try {
    const read = await readerOf();
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    view.hidden = false;
    await video.play();
    look(read);
  } catch (error) {
    stop();
    const refused = error.name === "NotAllowedError";
    say(refused
      ? "The camera is not allowed here. Allow it in the browser’s settings, take a photo, or type the code."
      : "No camera can be used here. Take a photo, or type the code.");
  }
}

async function look(read) {
  if (!stream) return;
  const text = await read(video).catch(() => "");
  if (!stream || (text && take(text))) return;
  looking = setTimeout(() => look(read), LOOK_EVERY_MS);
}

function stop() {
  clearTimeout(looking);
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  view.hidden = true;
}

async function fromPhoto(file) {
  if (!file) return;
  say("Reading…");
  try {
    const read = await readerOf();
    const picture = await createImageBitmap(file);
    const text = await read(picture);
    if (text) take(text);
    else say("No QR code was found in this photo. Come closer, in good light, or type the code.");
  } catch {
    say("This photo cannot be read. Try another one, or type the code.");
  }
}

if (scan) {
  scan.hidden = false;
  const camera = scan.querySelector("[data-scan-camera]");
  camera.hidden = !navigator.mediaDevices?.getUserMedia;
  camera.addEventListener("click", start);
  scan.querySelector("[data-scan-stop]").addEventListener("click", stop);
  scan.querySelector("[data-scan-file]").addEventListener("change", ({ target }) => fromPhoto(target.files[0]));
  addEventListener("pagehide", stop);
}
