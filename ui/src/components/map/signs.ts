/** The classes' signs, in the middle of their hexagons or areas. */
import { cellToLatLng } from "h3-js";
import type { AreaShape } from "../../model/areas";
import type { Drawing, LayerClass } from "../../model/layers/drawing";
import { inkOn, type Theme } from "../../model/ramp";

export interface Sign {
  readonly text: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly colour: string;
  /** What it stands on. */
  readonly ground: string;
  readonly ofArea: boolean;
}

export function signsOf(drawing: Drawing, shapes: readonly AreaShape[], theme: Theme): Sign[] {
  const { classes, classOf, areas } = drawing;
  const cells = drawing.cells.flatMap((cell, index): Sign[] => {
    const its = classes[classOf[index] ?? -1];
    if (its === undefined || its.sign === "") return [];
    const [latitude, longitude] = cellToLatLng(cell);
    return [{ ...onGround(its, theme), longitude, latitude, ofArea: false }];
  });
  const inAreas = shapes.flatMap(({ code, label }): Sign[] => {
    const its = classes[areas?.get(code) ?? -1];
    if (its === undefined || its.sign === "") return [];
    const [longitude, latitude] = label;
    return [{ ...onGround(its, theme), longitude, latitude, ofArea: true }];
  });
  return [...cells, ...inAreas];
}

function onGround({ sign, colours }: LayerClass, theme: Theme): Pick<Sign, "text" | "colour" | "ground"> {
  const ground = colours[theme];
  return { text: sign, colour: inkOn(ground), ground };
}
