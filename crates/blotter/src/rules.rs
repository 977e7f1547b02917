//! Rules of the configuration file: which peaks somebody wants to be told of, and where.
//!
//! ```toml
//! [[rule]]
//! name = "robberies-west"               # lower-case letters, digits and hyphens
//! area = ["community_area:25"]          # any unless given
//! category = ["ROBBERY"]                # any unless given
//! windows = [6, 24]                     # hours; any of 1, 6, 24 and 168 unless given
//! q = 0.01                              # the greatest false discovery rate
//! minimum = 3                           # the least number of incidents
//! quiet_hours = 24                      # so long without, and an episode is over
//! webhook_env = "WEST_WEBHOOK"          # the variable that holds the address, or with _FILE names a file that does
//! ```

use crate::secrets::secret;
use anyhow::{Context, Result, anyhow, bail};
use blotter_city::Profile;
use blotter_online::{AlertProgress, Hook, Rule, sinks::Webhook};
use std::sync::Arc;
use toml::{Table, Value};

/// The key of the file that holds them.
pub(crate) const KEY: &str = "rule";
const KEYS: [&str; 8] = ["name", "area", "category", "windows", "q", "minimum", "quiet_hours", "webhook_env"];
const WINDOWS: [i64; 4] = [1, 6, 24, 168];

/// A rule, and the variable that holds the address of its webhook.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleConfig {
    rule: Rule,
    webhook_env: Option<String>,
}

/// The rules of a configuration file. Errors name keys and never repeat a value: it may be what does not belong there.
pub(crate) fn of_file(value: &Value) -> Result<Vec<RuleConfig>> {
    let tables = value.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<_>>>());
    let tables = tables.ok_or_else(|| anyhow!("`{KEY}` is a list of tables: write [[{KEY}]]"))?;
    let mut rules: Vec<RuleConfig> = Vec::new();
    for (number, table) in (1..).zip(tables) {
        let ruled = of_table(table).with_context(|| format!("rule {number}"))?;
        if rules.iter().any(|other| other.rule.name == ruled.rule.name) {
            bail!("there are two rules `{}`", ruled.rule.name);
        }
        rules.push(ruled);
    }
    Ok(rules)
}

fn of_table(table: &Table) -> Result<RuleConfig> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        bail!("a rule has no `{key}`; it has: {}", KEYS.join(", "));
    }
    let name = table.get("name").and_then(Value::as_str).ok_or_else(|| anyhow!("`name` is missing, or no text"))?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_plain) {
        bail!("`name` is made of lower-case letters, digits and hyphens");
    }
    let windows = numbers(table, "windows")?;
    if windows.iter().any(|hours| !WINDOWS.contains(hours)) {
        bail!("`windows` are some of 1, 6, 24 and 168 hours");
    }
    let q = table.get("q").map_or(Some(0.01), |value| value.as_float().or(value.as_integer().map(|q| q as f64)));
    let q = q.filter(|q| *q > 0.0 && *q <= 1.0).ok_or_else(|| anyhow!("`q` is a rate above 0 and up to 1"))?;
    let whole = |key: &str, default: i64, range: std::ops::RangeInclusive<i64>| {
        let value = table.get(key).map_or(Some(default), Value::as_integer).filter(|value| range.contains(value));
        value.ok_or_else(|| anyhow!("`{key}` is a whole number from {} to {}", range.start(), range.end()))
    };
    let webhook_env = match table.get("webhook_env").map(Value::as_str) {
        None => None,
        // The address itself would be shown by whoever names the variable.
        Some(Some(name)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
            Some(name.to_owned())
        }
        Some(_) => bail!("`webhook_env` is the name of an environment variable that holds the address"),
    };
    Ok(RuleConfig {
        rule: Rule {
            name: name.to_owned(),
            areas: texts(table, "area")?,
            categories: texts(table, "category")?,
            hours: windows.into_iter().map(|hours| hours as u16).collect(),
            q,
            minimum: whole("minimum", 3, 1..=1_000_000)? as u64,
            quiet_hours: whole("quiet_hours", 24, 1..=8_760)? as u16,
        },
        webhook_env,
    })
}

fn list<'a>(table: &'a Table, key: &str) -> &'a [Value] {
    match table.get(key) {
        None => &[],
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}

fn texts(table: &Table, key: &str) -> Result<Vec<String>> {
    let texts = list(table, key).iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>();
    texts.ok_or_else(|| anyhow!("`{key}` is a text, or a list of texts"))
}

fn numbers(table: &Table, key: &str) -> Result<Vec<i64>> {
    let numbers = list(table, key).iter().map(Value::as_integer).collect::<Option<_>>();
    numbers.ok_or_else(|| anyhow!("`{key}` is a whole number, or a list of them"))
}

/// The rules and their webhooks, for one city.
pub(crate) fn of_city(ruled: &[RuleConfig], profile: &Profile) -> Result<(Vec<Rule>, Vec<Hook>)> {
    let layer = &profile.layers[profile.primary_layer()];
    let (mut rules, mut hooks) = (Vec::new(), Vec::new());
    for RuleConfig { rule, webhook_env } in ruled {
        let code = |area: &String| {
            let code = area.split_once(':').filter(|(of, _)| *of == layer.name).map(|(_, code)| layer.asked(code));
            let code = code.ok_or_else(|| anyhow!("rule `{}`: areas are written {}:CODE", rule.name, layer.name))?;
            // Such a rule would wait for ever, and nobody would know.
            if !(layer.names.is_empty() || layer.names.contains_key(&code)) {
                bail!("rule `{}`: an area is none of `{}`; its codes are in the city's profile", rule.name, layer.name);
            }
            Ok(code)
        };

        let areas = rule.areas.iter().map(code).collect::<Result<_>>()?;
        let categories = rule.categories.iter().map(|category| profile.category_of(category)).collect();
        rules.push(Rule { areas, categories, ..rule.clone() });
        if let Some(variable) = webhook_env {
            let address = secret(variable)?
                .with_context(|| format!("rule `{}`: {variable} is not set, nor is {variable}_FILE", rule.name))?;
            let webhook = Webhook::new(&rule.name, &address)?;
            hooks.push(Hook { rule: rule.name.clone(), webhook, progress: Arc::new(AlertProgress::default()) });
        }
    }
    Ok((rules, hooks))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<RuleConfig>> {
        of_file(&text.parse::<Table>().unwrap()[KEY])
    }

    #[test]
    fn a_rule_has_sensible_defaults() {
        let rules = read("[[rule]]\nname = \"a\"\n[[rule]]\nname = \"b\"\narea = \"community_area:25\"\ncategory = [\"theft\"]\nwindows = 6\nq = 1\n").unwrap();
        let of =
            |ruled: &RuleConfig| (ruled.rule.q, ruled.rule.minimum, ruled.rule.quiet_hours, ruled.rule.hours.clone());
        assert_eq!(of(&rules[0]), (0.01, 3, 24, vec![]));
        assert_eq!(of(&rules[1]), (1.0, 3, 24, vec![6]));
        let chicago = Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap();
        let (rules, hooks) = of_city(&rules, &chicago).unwrap();
        assert_eq!(
            (&rules[1].areas, &rules[1].categories, hooks.len()),
            (&vec!["25".into()], &vec!["THEFT".into()], 0)
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let check = |text: &str, expect: &str| {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(expect) && !error.contains("s3cret"), "{error}");
        };
        check("rule = \"s3cret\"", "[[rule]]");
        check("[[rule]]\nq = 0.1", "`name`");
        check("[[rule]]\nname = \"S3cret\"", "lower-case");
        check("[[rule]]\nname = \"a\"\nwebhook = \"s3cret\"", "no `webhook`; it has: name, area");
        check("[[rule]]\nname = \"a\"\nwebhook_env = \"https://s3cret\"", "name of an environment variable");
        check("[[rule]]\nname = \"a\"\nq = \"s3cret\"", "`q`");
        check("[[rule]]\nname = \"a\"\nq = 0", "`q`");
        check("[[rule]]\nname = \"a\"\nwindows = [2]", "1, 6, 24 and 168");
        check("[[rule]]\nname = \"a\"\nminimum = 0", "from 1 to");
        check("[[rule]]\nname = \"a\"\n[[rule]]\nname = \"a\"", "two rules `a`");
    }

    #[test]
    fn a_category_is_the_one_that_incidents_have() {
        let chicago = Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap();
        let rules = read("[[rule]]\nname = \"a\"\ncategory = [\" crim sexual assault\", \"Arson\"]").unwrap();
        let (rules, _) = of_city(&rules, &chicago).unwrap();
        assert_eq!(rules[0].categories, ["CRIMINAL SEXUAL ASSAULT", "ARSON"]);
    }

    #[test]
    fn an_area_may_be_named() {
        let chicago = Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap();
        let rules = read("[[rule]]\nname = \"a\"\narea = [\"community_area:austin\", \"community_area:032\"]").unwrap();
        assert_eq!(of_city(&rules, &chicago).unwrap().0[0].areas, ["25", "32"]);
    }

    #[test]
    fn an_area_is_of_the_counted_layer() {
        let chicago = Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap();
        for area in ["25", "beat:0111"] {
            let rules = read(&format!("[[rule]]\nname = \"a\"\narea = \"{area}\"")).unwrap();
            let error = of_city(&rules, &chicago).err().unwrap().to_string();
            assert!(error.contains("community_area:CODE"), "{error}");
        }
        let rules = read("[[rule]]\nname = \"a\"\narea = \"community_area:125\"").unwrap();
        let error = of_city(&rules, &chicago).err().unwrap().to_string();
        assert!(error.contains("none of `community_area`"), "{error}");
    }
}
