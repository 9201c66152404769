// My account: a theme is seen as soon as it is chosen.
import { chooseTheme } from "./theme.js";

const theme = document.querySelector("[data-arrangement] [name=theme]");
theme?.addEventListener("change", () => chooseTheme(theme.value));
