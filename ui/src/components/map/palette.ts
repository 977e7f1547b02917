/** The map's own colours; the rest of the page takes its colours from the style sheet. */
import type { Theme } from "../../model/ramp";

export interface Palette {
  readonly ground: string;
  readonly land: string;
  readonly outline: string;
  readonly selected: string;
  readonly peaking: string;
  readonly label: string;
  readonly halo: string;
  readonly pointer: string;
}

export const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    ground: "#dfe6ea",
    land: "#faf9f6",
    outline: "#68737d",
    selected: "#0b4f8a",
    peaking: "#10161b",
    label: "#1d252c",
    halo: "#ffffff",
    pointer: "#10161b",
  },
  dark: {
    ground: "#0d1216",
    land: "#1b2228",
    outline: "#5b6771",
    selected: "#7cc4ff",
    peaking: "#ffffff",
    label: "#eef2f5",
    halo: "#0d1216",
    pointer: "#ffffff",
  },
};
