// The administration: the product's theme choice and relative times on Django's pages.
import { startThemeChoice } from "./theme.js";
import { startTimes } from "./time.js";

startThemeChoice();
startTimes();
