//! What people type into forms, read into what a field means. A form sends text only, and an empty field sends an empty
//! text; JSON keeps its own types beside that.

use crate::application_domains::Header;
use crate::servers::Jump;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use std::str::FromStr;

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u16),
    Text(String),
}

/// A port inside a tagged choice, where a form's text is not turned into a number by itself.
pub(crate) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(port) => Ok(port),
        NumberOrText::Text(text) => {
            text.trim().parse().map_err(|_| D::Error::custom("a port is a number from 1 to 65535"))
        }
    }
}

/// A port that may be absent; a form sends an empty text for none, which is 0.
pub(crate) fn given_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    match Option::<NumberOrText>::deserialize(deserializer)? {
        None => Ok(None),
        Some(NumberOrText::Number(port)) => Ok(Some(port)),
        Some(NumberOrText::Text(text)) if text.trim().is_empty() => Ok(Some(0)),
        Some(NumberOrText::Text(text)) => {
            text.trim().parse().map(Some).map_err(|_| D::Error::custom("a port is a number from 1 to 65535"))
        }
    }
}

/// A choice among things that exist; the form's empty choice is none.
pub(crate) fn chosen<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match Option::<String>::deserialize(deserializer)?.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(D::Error::custom),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<Header>),
    Text(String),
}

impl ListOrText {
    fn into_headers(self) -> Vec<Header> {
        match self {
            Self::List(headers) => headers,
            Self::Text(text) => text.split('\n').filter(|line| !line.trim().is_empty()).map(header).collect(),
        }
    }
}

/// A line without a colon is a name alone, which its check refuses or which takes the header away.
fn header(line: &str) -> Header {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    Header { name: name.trim().to_owned(), value: value.trim().to_owned() }
}

/// Headers as a list, or as a text with one on each line.
pub(crate) fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Header>, D::Error> {
    Ok(Option::<ListOrText>::deserialize(deserializer)?.map(ListOrText::into_headers).unwrap_or_default())
}

/// The same, where absent means that they stay.
pub(crate) fn given_headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Header>>, D::Error> {
    Ok(Option::<ListOrText>::deserialize(deserializer)?.map(ListOrText::into_headers))
}

#[derive(Deserialize)]
struct JumpFields {
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: Option<NumberOrText>,
    #[serde(default)]
    user: String,
    #[serde(default)]
    private_key_id: String,
}

/// A jump host, or none: a form whose fields for it were left empty sends empty texts.
pub(crate) fn jump<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Jump>, D::Error> {
    let Some(fields) = Option::<JumpFields>::deserialize(deserializer)? else { return Ok(None) };
    if fields.host.trim().is_empty() {
        return Ok(None);
    }
    let port = match fields.port {
        Some(NumberOrText::Number(port)) => port,
        Some(NumberOrText::Text(text)) if !text.trim().is_empty() => {
            text.trim().parse().map_err(|_| D::Error::custom("a port is a number from 1 to 65535"))?
        }
        _ => 22,
    };
    let private_key_id =
        fields.private_key_id.parse().map_err(|_| D::Error::custom("the jump host needs the id of a key"))?;
    Ok(Some(Jump { host: fields.host, port, user: fields.user, private_key_id }))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyNumber {
    Number(u32),
    Text(String),
    Nothing(()),
}

/// A number inside a tagged choice that may be absent; a field that was left empty is none.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match AnyNumber::deserialize(deserializer)? {
        AnyNumber::Number(number) => Ok(Some(number)),
        AnyNumber::Text(text) if text.trim().is_empty() => Ok(None),
        AnyNumber::Text(text) => {
            text.trim().parse().map(Some).map_err(|_| D::Error::custom("this is a whole number, such as 30"))
        }
        AnyNumber::Nothing(()) => Ok(None),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FlagOrText {
    Flag(bool),
    Text(String),
}

/// Yes or no inside a tagged choice.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match FlagOrText::deserialize(deserializer)? {
        FlagOrText::Flag(flag) => Ok(flag),
        FlagOrText::Text(text) => match text.as_str() {
            "true" | "on" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(D::Error::custom("this is true or false")),
        },
    }
}

/// An instant, a day (`2026-12-31`, meaning its last second in UTC), or nothing.
pub(crate) fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let last_second = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Some(day.and_time(last_second).and_utc()));
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| Some(at.to_utc()))
        .map_err(|_| D::Error::custom("a time is written 2026-12-31T23:59:59Z, a day 2026-12-31"))
}

/// Patterns one by one, or several in one text with spaces or commas between them; empty ones are none.
pub(crate) fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let split = |c: char| c == ',' || c.is_whitespace();
    let patterns = texts.iter().flat_map(|text| text.split(split)).filter(|pattern| !pattern.is_empty());
    Ok(patterns.map(str::to_owned).collect())
}

/// Host names; a field that was left empty is none.
pub(crate) fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().filter(|host| !host.trim().is_empty()).collect())
}

/// A list that may be absent. A form cannot say an empty list: there it is one empty text, in both directions.
pub(crate) mod given_hosts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(hosts: &Option<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        match hosts {
            Some(hosts) if hosts.is_empty() => Some([""]).serialize(serializer),
            hosts => hosts.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
        let hosts = Option::<Vec<String>>::deserialize(deserializer)?;
        Ok(hosts.map(|hosts| hosts.into_iter().filter(|host| !host.trim().is_empty()).collect()))
    }
}

/// One item, or its line.
#[derive(Deserialize)]
#[serde(untagged)]
enum ItemOrLine<T> {
    Item(T),
    Line(String),
}

/// A list of items, or a text with one to a line.
#[derive(Deserialize)]
#[serde(untagged)]
enum ItemsOrText<T> {
    Items(Vec<ItemOrLine<T>>),
    Text(String),
}

pub(crate) fn lines<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + FromStr<Err = &'static str>,
{
    let items = match ItemsOrText::deserialize(deserializer)? {
        ItemsOrText::Items(items) => items,
        ItemsOrText::Text(text) => text.lines().map(|line| ItemOrLine::Line(line.to_owned())).collect(),
    };
    let read = |item| match item {
        ItemOrLine::Item(item) => Some(Ok(item)),
        ItemOrLine::Line(line) if line.trim().is_empty() => None,
        ItemOrLine::Line(line) => Some(line.trim().parse().map_err(D::Error::custom)),
    };
    items.into_iter().filter_map(read).collect()
}

/// A map, or a text with `key=value` to a line.
pub(crate) fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum MapOrText {
        Map(BTreeMap<String, String>),
        Text(String),
    }
    let text = match MapOrText::deserialize(deserializer)? {
        MapOrText::Map(map) => return Ok(map),
        MapOrText::Text(text) => text,
    };
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').ok_or_else(|| D::Error::custom("write a label as key=value"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(pair).collect()
}

/// A command; an empty one is none.
pub(crate) mod command {
    use crate::running::CommandLine;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(command: &Option<CommandLine>, serializer: S) -> Result<S::Ok, S::Error> {
        command.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CommandLine>, D::Error> {
        let command = Option::<CommandLine>::deserialize(deserializer)?;
        let command = command.map(|command| match command {
            // In a form, a list is written as JSON writes it.
            CommandLine::Text(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(&text).map_or(CommandLine::Text(text), CommandLine::Arguments)
            }
            command => command,
        });
        Ok(command.filter(|command| match command {
            CommandLine::Text(text) => !text.trim().is_empty(),
            CommandLine::Arguments(arguments) => !arguments.is_empty(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::api_keys::CreateApiKey;
    use crate::application_domains::UpdateApplicationDomain;
    use crate::servers::{Connection, CreateServer};

    #[test]
    fn a_port_is_a_number_or_its_text() {
        for port in ["22", "\"22\""] {
            let text = format!(
                r#"{{"name":"fra-1","connection":{{"kind":"ssh","host":"h","user":"root","port":{port},
                "private_key_id":"019aa000-0000-7000-8000-000000000000"}}}}"#
            );
            let server: CreateServer = serde_json::from_str(&text).unwrap();
            assert!(matches!(server.connection, Connection::Ssh { port: 22, .. }));
        }
    }

    #[test]
    fn a_build_reads_alike_from_a_form_and_from_a_program() {
        use crate::applications::Build;
        for (text, minutes) in [
            ("{\"kind\":\"nixpacks\"}", None),
            ("{\"kind\":\"nixpacks\",\"time_limit_minutes\":\"\"}", None),
            ("{\"kind\":\"nixpacks\",\"time_limit_minutes\":\"5\"}", Some(5)),
            ("{\"kind\":\"nixpacks\",\"time_limit_minutes\":5}", Some(5)),
        ] {
            let Build::Nixpacks { time_limit_minutes, .. } = serde_json::from_str(text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(time_limit_minutes, minutes, "{text}");
        }
        for (text, expected) in [("", false), (",\"single_page\":true", true), (",\"single_page\":\"true\"", true)] {
            let text = format!("{{\"kind\":\"static\",\"publish_directory\":\".\"{text}}}");
            let Build::Static { single_page, .. } = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            assert_eq!(single_page, expected, "{text}");
        }
    }

    #[test]
    fn scopes_may_share_a_text_and_a_day_ends_at_night() {
        let key: CreateApiKey = serde_json::from_str(
            r#"{"name":"ci","scopes":["deployments.*, projects.list",""],"expires_at":"2026-12-31"}"#,
        )
        .unwrap();
        assert_eq!(key.scopes, ["deployments.*", "projects.list"]);
        assert_eq!(key.expires_at.unwrap().to_rfc3339(), "2026-12-31T23:59:59+00:00");
        let key: CreateApiKey = serde_json::from_str(r#"{"name":"ci","scopes":["*"],"expires_at":""}"#).unwrap();
        assert_eq!(key.expires_at, None);
    }

    #[test]
    fn headers_are_a_list_or_lines_and_absent_is_not_empty() {
        let read = |rest: &str| {
            let text = format!(r#"{{"id":"019aa000-0000-7000-8000-000000000000"{rest}}}"#);
            serde_json::from_str::<UpdateApplicationDomain>(&text).unwrap()
        };
        let lines = read(r#","request_headers":"X-A: one: two\n\nX-B:","port":"""#);
        let list = read(r#","request_headers":[{"name":"X-A","value":"one: two"},{"name":"X-B"}],"port":0"#);
        assert_eq!(lines, list);
        assert_eq!(lines.request_headers.map(|headers| headers.len()), Some(2));
        assert_eq!(read("").request_headers, None);
        assert_eq!(read(r#","request_headers":"""#).request_headers, Some(Vec::new()));
        assert_eq!((read("").port, read(r#","port":"3000""#).port), (None, Some(3000)));
    }
}
