//! What has no column: pairs in the column `extra`.

use super::{
    execute::Scene,
    plan::{ExtraField, Kind, Plan},
    records::{Records, number, trimmed},
};
use crate::{
    batch::Batch,
    extra::{Encoded, Value},
    session::{Cells, Column},
    text::{Text, TextArena},
};

/// Writes what has no column; `false` when some did not fit.
pub fn move_extras(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> bool {
    let Batch { session, text, .. } = batch;
    let Cells::Text(cells) = session.vacant(Column::Extra) else { return false };
    let mut complete = true;
    for (cell, record) in cells.iter_mut().zip(records.each()) {
        *cell = Text::EMPTY;
        for extra in &plan.extras {
            complete &= append_extra(extra, &record, cell, text);
        }
        for (element, value) in scene.constants {
            let pair = Encoded::of_element(0, *element, Value::Number(*value));
            complete &= append(cell, text, &pair);
        }
        if let Some(known) = scene.known {
            let budget = TextArena::OPTIONS_MAX * records.stride();
            complete &= known.append(&plan.lookups, &record, cell, text, budget);
        }
    }
    complete
}

fn append_extra(
    extra: &ExtraField,
    record: &Records<'_, '_>,
    text: &mut Text,
    arena: &mut TextArena,
) -> bool {
    let bytes = record.first(extra.slot);
    let value = match (extra.kind, bytes) {
        // Variable length, and nothing in it.
        (_, []) => return true,
        (Kind::Code(codes), [code]) if !codes.keeps(*code) => return true,
        (Kind::Text, _) => match trimmed(bytes) {
            [] => return true,
            text => Value::Text(text),
        },
        (Kind::Bytes, _) => Value::Bytes(bytes),
        (Kind::Address, _) if matches!(bytes.len(), 4 | 16) => Value::Address(bytes),
        (Kind::Mac, _) if bytes.len() == 6 => Value::Mac(bytes),
        (Kind::Signed, _) if bytes.len() <= 8 => Value::Signed(bytes),
        (Kind::Float, _) if matches!(bytes.len(), 4 | 8) => Value::Float(bytes),
        _ if bytes.len() <= 8 => Value::Number(number(bytes)),
        _ => Value::Bytes(bytes),
    };
    append(text, arena, &Encoded::of_element(extra.enterprise, extra.element, value))
}

fn append(text: &mut Text, arena: &mut TextArena, pair: &Encoded<'_>) -> bool {
    let longer = arena.append(*text, &pair.parts());
    *text = longer.unwrap_or(*text);
    longer.is_some()
}
