//! The OpenAPI document: written by hand, checked against the routes.

const DOCUMENT: &str = include_str!("../../openapi.json");

/// The OpenAPI 3.1 document of the HTTP API, as JSON.
pub fn openapi_json() -> String {
    DOCUMENT.replace("0.0.0-version", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use crate::api::ROUTES;
    use blotter_query::FILTER;
    use serde_json::Value;

    #[test]
    fn every_route_and_parameter_is_documented() {
        let document: Value = serde_json::from_str(&super::openapi_json()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let paths = document["paths"].as_object().unwrap();
        for route in ROUTES {
            let get = &paths.get(route).unwrap_or_else(|| panic!("{route} is not documented"))["get"];
            assert!(get["summary"].is_string(), "{route}");
            assert!(get["responses"]["200"].is_object(), "{route}");
        }
        assert_eq!(paths.len(), ROUTES.len());
        for name in FILTER {
            assert_eq!(document["components"]["parameters"][name]["name"], name);
        }
        // Every reference leads somewhere.
        let mut left = vec![&document];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                    }
                    left.extend(map.values());
                }
                Value::Array(list) => left.extend(list),
                _ => {}
            }
        }
    }
}
