// Readings as they came: new ones are counted and shown when asked for, so that nothing that is
// being read moves away.
import { localiseExact } from "./dates-exact.js";
import { live } from "./live.js";
import "./ranges.js";

const news = document.querySelector("[data-readings-news]");
let count = 0;

if (news) {
  live.addEventListener("frame:metrics", ({ detail }) => {
    if (detail.device_uid !== news.dataset.deviceUid) return;
    count += 1;
    news.hidden = false;
    news.querySelector("[data-readings-count]").textContent =
      count === 1 ? "1 new report or more" : `${count} new reports or more`;
  });
}
localiseExact();
