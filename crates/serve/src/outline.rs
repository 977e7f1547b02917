//! The outline of the city: the union of a layer's polygons.

use serde_json::Value;

/// Polygons, each with its bounds.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    polygons: Vec<Polygon>,
}

#[derive(Debug)]
struct Polygon {
    /// West, south, east, north.
    bounds: [f64; 4],
    /// Outer ring and holes, as (longitude, latitude).
    rings: Vec<Vec<(f64, f64)>>,
}

impl Outline {
    /// From a GeoJSON `FeatureCollection`; what is no polygon in it is left out.
    pub(crate) fn of(collection: &Value) -> Self {
        let features = collection.get("features").and_then(Value::as_array).into_iter().flatten();
        let polygons = features
            .filter_map(|feature| feature.get("geometry"))
            .flat_map(|geometry| {
                let coordinates = geometry.get("coordinates").and_then(Value::as_array);
                match (geometry.get("type").and_then(Value::as_str), coordinates) {
                    (Some("Polygon"), Some(rings)) => vec![Polygon::of(rings)],
                    (Some("MultiPolygon"), Some(parts)) => {
                        parts.iter().filter_map(Value::as_array).map(|rings| Polygon::of(rings)).collect()
                    }
                    _ => Vec::new(),
                }
            })
            .collect();
        Self { polygons }
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.polygons.is_empty()
    }

    /// Whether a point lies inside one of the polygons.
    pub(crate) fn contains(&self, longitude: f64, latitude: f64) -> bool {
        self.polygons.iter().any(|polygon| polygon.contains(longitude, latitude))
    }
}

impl Polygon {
    fn of(rings: &[Value]) -> Self {
        let point = |value: &Value| Some((value.get(0)?.as_f64()?, value.get(1)?.as_f64()?));
        let ring = |value: &Value| value.as_array().map(|points| points.iter().filter_map(point).collect::<Vec<_>>());
        let rings: Vec<Vec<(f64, f64)>> = rings.iter().filter_map(ring).collect();
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for (longitude, latitude) in rings.iter().flatten() {
            bounds[0] = bounds[0].min(*longitude);
            bounds[1] = bounds[1].min(*latitude);
            bounds[2] = bounds[2].max(*longitude);
            bounds[3] = bounds[3].max(*latitude);
        }
        Self { bounds, rings }
    }

    /// By the number of edges that a ray to the east crosses: odd inside, holes left out.
    fn contains(&self, longitude: f64, latitude: f64) -> bool {
        let [west, south, east, north] = self.bounds;
        if !(west..=east).contains(&longitude) || !(south..=north).contains(&latitude) {
            return false;
        }
        let mut inside = false;
        for ring in &self.rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                if (a.1 > latitude) != (b.1 > latitude)
                    && longitude < (b.0 - a.0) * (latitude - a.1) / (b.1 - a.1) + a.0
                {
                    inside = !inside;
                }
            }
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn holes_and_parts() {
        let outline = Outline::of(&json!({ "type": "FeatureCollection", "features": [
            { "type": "Feature", "geometry": { "type": "Polygon", "coordinates": [
                [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]],
                [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]],
            ] } },
            { "type": "Feature", "geometry": { "type": "MultiPolygon", "coordinates": [
                [[[20, 0], [22, 0], [21, 5]]],
                [[[30, 0], [31, 0], [31, 1], [30, 1], [30, 0]]],
            ] } },
            { "type": "Feature", "geometry": { "type": "Point", "coordinates": [50, 50] } },
            { "type": "Feature", "geometry": null },
        ] }));
        for (point, expect) in [
            ((1.0, 1.0), true),
            ((5.0, 5.0), false),
            ((3.9, 5.0), true),
            ((11.0, 5.0), false),
            ((21.0, 3.0), true),
            ((20.1, 3.0), false),
            ((30.5, 0.5), true),
            ((50.0, 50.0), false),
        ] {
            assert_eq!(outline.contains(point.0, point.1), expect, "{point:?}");
        }
        assert!(!outline.is_empty());
        assert!(Outline::of(&json!({})).is_empty());
    }
}
