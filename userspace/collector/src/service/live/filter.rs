//! Which records somebody wants: conditions on fields, as `FIELD=VALUE`, that all have to hold.
//!
//! A condition looks at a record's columns, or at the JSON of one that was written down; it says
//! the same of both. A field that a record does not have equals nothing: so `!=` holds for it, and
//! no other operator does.

use crate::{output, steering::Prefix};
use logweir_decode::{
    context::UnixNanos,
    extra,
    filter::Action,
    nearest::{meant, meant_of},
    record::{Field, FieldKind, Record, Value},
    text::to_utf8,
};
use logweir_store::schema::Family;
use serde_json::{Map, Value as Json};
use std::{borrow::Cow, cmp::Ordering, net::IpAddr};

/// Conditions that all have to hold; none holds for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those on what the records of a datagram share: looked at once for all of them.
    shared: Vec<Condition>,
    own: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    field: Field,
    /// Of the field `extra`.
    key: Option<String>,
    operator: Operator,
    operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Text(String),
    Number(u64),
    Prefix(Prefix),
    Time(UnixNanos),
}

/// The value of a field, wherever it was found.
enum Seen<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    Address(IpAddr),
    Time(UnixNanos),
    Set(Vec<&'a str>),
}

impl Filter {
    /// A filter that wants everything.
    pub const fn new() -> Self {
        Self { shared: Vec::new(), own: Vec::new() }
    }

    /// The filter of these conditions.
    ///
    /// # Errors
    /// One sentence that names the condition, and the nearest field where there is none of that name.
    pub fn parse<T: AsRef<str>>(conditions: &[T]) -> Result<Filter, String> {
        let mut filter = Filter::default();
        for text in conditions {
            let text = text.as_ref();
            let condition = Condition::parse(text).map_err(|error| format!("'{text}': {error}"))?;
            let is_shared = condition.field.is_shared();
            let list = if is_shared { &mut filter.shared } else { &mut filter.own };
            list.push(condition);
        }
        Ok(filter)
    }

    /// The fields that it looks at.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.shared.iter().chain(&self.own).map(|condition| condition.field)
    }

    /// Whether what a record shares with the others of its datagram is as wanted.
    pub fn may_match(&self, record: &Record<'_>) -> bool {
        self.shared.iter().all(|condition| condition.holds_for(record))
    }

    /// Whether a record is wanted of which [`Filter::may_match`] says that it may be.
    pub fn matches_rest(&self, record: &Record<'_>) -> bool {
        self.own.iter().all(|condition| condition.holds_for(record))
    }

    /// Whether no record of this family can be wanted.
    pub fn excludes_family(&self, family: &'static str) -> bool {
        let name = Seen::Text(family.into());
        let mut of_family = self.shared.iter().filter(|condition| condition.field == Field::Record);
        of_family.any(|condition| !condition.holds(Some(&name)))
    }

    /// Whether a record is wanted that was written down as this object.
    pub fn matches_object(&self, object: &Map<String, Json>) -> bool {
        self.shared.iter().chain(&self.own).all(|condition| condition.holds_in(object))
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Condition, String> {
        const OPERATORS: [(&str, Operator); 4] = [
            ("!=", Operator::NotEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let split = |(sign, operator)| {
            let (name, value) = text.split_once(sign)?;
            Some((name.trim(), operator, value.trim()))
        };
        // The sign that comes first: the value may have others.
        let (name, operator, value) = (OPERATORS.into_iter().filter_map(split))
            .min_by_key(|(name, ..)| name.len())
            .ok_or("a condition is FIELD=VALUE, with =, !=, < or >")?;
        let (name, key) = match name.split_once('.') {
            Some((name @ "extra", key)) => (name, Some(key.to_owned())),
            _ => (name, None),
        };
        let field = Field::from_name(name).ok_or_else(|| {
            let known: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
            format!("no field '{name}'{}", meant(name, &known))
        })?;
        let operand = operand(field, key.is_some(), value)?;
        Ok(Condition { field, key, operator, operand })
    }

    fn holds_for(&self, record: &Record<'_>) -> bool {
        let seen = match (record.get(self.field), &self.key) {
            (Some(Value::Extra(encoded)), Some(key)) => extra::pairs(encoded)
                .find(|(name, _)| to_utf8(name) == key.as_str())
                .map(|(_, value)| Seen::Text(value.to_string().into())),
            (value, _) => value.and_then(seen),
        };
        self.holds(seen.as_ref())
    }

    fn holds_in(&self, object: &Map<String, Json>) -> bool {
        let value = object.get(self.field.name());
        let seen = match &self.key {
            Some(key) => value.and_then(|pairs| pairs.get(key)).map(|value| {
                Seen::Text(value.as_str().map_or_else(|| value.to_string().into(), Into::into))
            }),
            None => value.and_then(|value| seen_in(value, self.field.kind())),
        };
        self.holds(seen.as_ref())
    }

    fn holds(&self, seen: Option<&Seen<'_>>) -> bool {
        let Some(seen) = seen else { return self.operator == Operator::NotEqual };
        match self.operator {
            Operator::Equal => self.equals(seen),
            Operator::NotEqual => !self.equals(seen),
            Operator::Less => self.order_of(seen) == Some(Ordering::Less),
            Operator::Greater => self.order_of(seen) == Some(Ordering::Greater),
        }
    }

    fn equals(&self, seen: &Seen<'_>) -> bool {
        match (seen, &self.operand) {
            (Seen::Address(address), Operand::Prefix(prefix)) => prefix.contains(*address),
            (Seen::Set(names), Operand::Text(name)) => names.contains(&name.as_str()),
            _ => self.order_of(seen) == Some(Ordering::Equal),
        }
    }

    /// How the value stands to the operand.
    fn order_of(&self, seen: &Seen<'_>) -> Option<Ordering> {
        Some(match (seen, &self.operand) {
            (Seen::Number(number), Operand::Number(wanted)) => number.cmp(wanted),
            (Seen::Time(time), Operand::Time(wanted)) => time.cmp(wanted),
            (Seen::Address(address), Operand::Prefix(prefix)) => address.cmp(&prefix.address()),
            // A value of `extra` is a number where both are.
            (Seen::Text(text), Operand::Number(wanted)) => text.parse::<u64>().ok()?.cmp(wanted),
            (Seen::Text(text), Operand::Text(wanted)) => text.as_ref().cmp(wanted),
            _ => return None,
        })
    }
}

/// What a condition on this field compares with.
fn operand(field: Field, has_key: bool, value: &str) -> Result<Operand, String> {
    let name = field.name();
    Ok(match field.kind() {
        FieldKind::Extra if has_key => match value.parse() {
            Ok(number) => Operand::Number(number),
            Err(_) => Operand::Text(value.to_owned()),
        },
        FieldKind::Extra => return Err("say of which key: extra.KEY=VALUE".into()),
        FieldKind::Number => {
            let number = value.parse().map_err(|_| format!("{name} is a whole number"))?;
            Operand::Number(number)
        }
        FieldKind::Address => {
            let prefix = value.parse().map_err(|error| format!("{name}: {error}"))?;
            Operand::Prefix(prefix)
        }
        FieldKind::Time => Operand::Time(
            time(value).ok_or_else(|| format!("{name} is a time like 2026-03-01T12:00:00Z"))?,
        ),
        FieldKind::Mac => Operand::Text(value.to_ascii_lowercase()),
        FieldKind::Text if words(field).is_some_and(|words| !words.contains(&value)) => {
            let words = words(field).unwrap_or_default();
            return Err(format!("{name} is never '{value}'{}", meant_of(value, &words)));
        }
        FieldKind::Text | FieldKind::Flags | FieldKind::Raw => Operand::Text(value.to_owned()),
    })
}

/// The words that a field may have, if it is not any text.
fn words(field: Field) -> Option<Vec<&'static str>> {
    const ACTIONS: [Action; 4] = [Action::Drop, Action::Allow, Action::Reject, Action::Bounce];
    match field {
        Field::Record => Some(Family::ALL.map(Family::name).into_iter().chain(["event"]).collect()),
        Field::Action => Some(ACTIONS.map(Action::name).to_vec()),
        _ => None,
    }
}

fn time(text: &str) -> Option<UnixNanos> {
    let time: jiff::Timestamp = text.parse().ok()?;
    time.as_nanosecond().try_into().ok()
}

/// A value of a column.
fn seen(value: Value<'_>) -> Option<Seen<'_>> {
    Some(match value {
        Value::Name(name) => Seen::Text(name.into()),
        Value::Text(text) => Seen::Text(to_utf8(text)),
        Value::Number(number) => Seen::Number(number),
        Value::Address(address) => Seen::Address(address),
        Value::Mac(mac) => Seen::Text(extra::Value::Mac(&mac).to_string().into()),
        Value::Time(time) => Seen::Time(time.unix_nanos),
        Value::Flags(names) => Seen::Set(names),
        Value::Raw(bytes) => Seen::Text(output::raw(bytes).into()),
        Value::Extra(_) => return None,
    })
}

/// A value that was written down.
fn seen_in(value: &Json, kind: FieldKind) -> Option<Seen<'_>> {
    let text = value.as_str();
    Some(match kind {
        FieldKind::Number => Seen::Number(value.as_u64()?),
        FieldKind::Address => Seen::Address(text?.parse().ok()?),
        FieldKind::Time => Seen::Time(time(text?)?),
        FieldKind::Flags => Seen::Set(value.as_array()?.iter().flat_map(Json::as_str).collect()),
        FieldKind::Text | FieldKind::Mac | FieldKind::Raw => Seen::Text(text?.into()),
        FieldKind::Extra => return None,
    })
}
