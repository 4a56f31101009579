import "@sabaki/shudan/css/goban.css";
import "./page.css";
import "./board.css";
import { render } from "preact";
import { get } from "./api.js";
import { App } from "./app.jsx";
import { listenToKeys } from "./keys.jsx";
import { about, remember, report } from "./state.js";

render(<App />, document.body);
listenToKeys();
get("about").then((answer) => (about.value = answer), report);
remember();
