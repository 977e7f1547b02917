/** What stands over the map: the layer, and the moment that is shown. */
import { TimeControl } from "../time/TimeControl";
import { LayerSwitch } from "./LayerSwitch";

export function MapTools() {
  return (
    <div class="map-tools">
      <LayerSwitch />
      <TimeControl />
    </div>
  );
}
