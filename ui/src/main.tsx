import { render } from "preact";
import { App } from "./components/App";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/map.css";
import "./styles/chart.css";
import "./styles/lists.css";
import "./styles/explain.css";
import "./styles/hours.css";
import "./styles/compare.css";

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
