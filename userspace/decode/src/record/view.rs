//! One record where it lies, of which single fields can be asked: who looks for a few records among
//! many builds none of the others.

use super::{
    Fields, Time, Value, address, context_time, context_time_source, duration_ms, event_time,
    field::{self, Field},
    inner_address, time_source, tunnel_addr,
};
use crate::{
    batch::{Batch, Run},
    cells::Cell,
    context::{Context, EventTime},
    filter::Filter,
    im::Im,
    port_block::PortBlock,
    session::{Column, ColumnSet, Event, SessionRow},
    text::Text,
    unparsed::Unparsed,
};
use std::net::IpAddr;

/// A record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    batch: &'a Batch,
    context: Context,
    row: Row<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Row<'a> {
    Session { row: usize, columns: ColumnSet },
    PortBlock(&'a PortBlock),
    Im(&'a Im),
    Filter(&'a Filter),
    Unparsed(&'a Unparsed),
}

/// The sessions of one run of the batch.
pub fn sessions(batch: &Batch, run: Run) -> impl Iterator<Item = Record<'_>> {
    let first = run.first_row as usize;
    (first..first + run.rows as usize).map(move |row| {
        let row = Row::Session { row, columns: run.columns };
        Record { batch, context: run.context, row }
    })
}

/// The port blocks of a batch.
pub fn port_blocks(batch: &Batch) -> impl Iterator<Item = Record<'_>> {
    let rows = batch.port_block.iter();
    rows.map(|(context, row)| Record { batch, context, row: Row::PortBlock(row) })
}

/// The users of messengers of a batch.
pub fn ims(batch: &Batch) -> impl Iterator<Item = Record<'_>> {
    batch.im.iter().map(|(context, row)| Record { batch, context, row: Row::Im(row) })
}

/// The filter logs of a batch.
pub fn filters(batch: &Batch) -> impl Iterator<Item = Record<'_>> {
    batch.filter.iter().map(|(context, row)| Record { batch, context, row: Row::Filter(row) })
}

/// What no decoder understood of a batch.
pub fn unparsed(batch: &Batch) -> impl Iterator<Item = Record<'_>> {
    let rows = batch.unparsed.iter();
    rows.map(|(context, row)| Record { batch, context, row: Row::Unparsed(row) })
}

impl<'a> Record<'a> {
    /// What it shares with the other records of its datagram.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// The fields that are present, in the order of the contract.
    pub fn fields(&self) -> Fields<'a> {
        let order = match self.row {
            Row::Session { .. } => field::SESSION,
            Row::PortBlock(_) => field::PORT_BLOCK,
            Row::Im(_) => field::IM,
            Row::Filter(_) => field::FILTER,
            Row::Unparsed(_) => field::UNPARSED,
        };
        let mut fields = Vec::with_capacity(order.len());
        fields.extend(order.iter().filter_map(|field| Some((field.name(), self.get(*field)?))));
        fields
    }

    /// The value of a field, if the record has it.
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        let value = match self.row {
            Row::Session { row, columns } => self.session(row, columns, field),
            Row::PortBlock(row) => self.port_block(row, field),
            Row::Im(row) => self.im(row, field),
            Row::Filter(row) => self.filter(row, field),
            Row::Unparsed(row) => self.unparsed(row, field),
        };
        value.or_else(|| self.common(field))
    }

    fn common(&self, field: Field) -> Option<Value<'a>> {
        let context = &self.context;
        match field {
            Field::Record => Some(Value::Name(match self.row {
                Row::Session { .. } => "session",
                Row::PortBlock(_) => "port_block",
                Row::Im(_) => "im",
                Row::Filter(_) => "filter",
                Row::Unparsed(_) => "unparsed",
            })),
            Field::Format => Some(Value::Name(context.format.name())),
            Field::Exporter => known(Some(context.exporter)),
            Field::ExporterPort => number(Some(context.exporter_port).filter(|port| *port != 0)),
            Field::ObservationDomain => number(context.observation_domain),
            Field::Sequence => number(context.sequence),
            Field::Host => self.text(Some(context.host)),
            Field::ReceivedAt => Some(Value::Time(Time::nanos(context.received_at))),
            Field::EventTime => Some(Value::Time(context_time(context))),
            Field::TimeSource => Some(Value::Name(context_time_source(context).name())),
            Field::Flags => {
                let flags: Vec<_> = context.flags.names().collect();
                (!flags.is_empty()).then_some(Value::Flags(flags))
            }
            _ => None,
        }
    }

    fn session(&self, row: usize, columns: ColumnSet, field: Field) -> Option<Value<'a>> {
        let of = SessionCells { batch: self.batch, row, columns };
        match field {
            Field::EventTime => Some(Value::Time(event_time(&self.context, &of.all()))),
            Field::TimeSource => Some(Value::Name(time_source(&self.context, &of.all()).name())),
            Field::Event => {
                Event::from_code(of.cell(Column::Event)?).map(|event| Value::Name(event.name()))
            }
            Field::Protocol => number(of.cell::<u8>(Column::Protocol)),
            // Where both families are given for a source, it is DS-Lite (see `tunnel_addr`): the
            // inner address is the end's own. Elsewhere a box that gives both means the translated
            // pair.
            Field::SrcAddr => {
                inner_address(of.cell(Column::SrcV4), of.cell(Column::SrcV6)).map(Value::Address)
            }
            Field::SrcPort => of.port(Column::SrcPort),
            Field::DstAddr => of.end(Column::DstV6, Column::DstV4),
            Field::DstPort => of.port(Column::DstPort),
            Field::NatSrcAddr => of.end(Column::NatSrcV6, Column::NatSrcV4),
            Field::NatSrcPort => of.port(Column::NatSrcPort),
            Field::NatDstAddr => of.end(Column::NatDstV6, Column::NatDstV4),
            Field::NatDstPort => of.port(Column::NatDstPort),
            Field::TunnelAddr => tunnel_addr(&of.all()).map(Value::Address),
            Field::SrcVrf => number(of.cell::<u32>(Column::SrcVrf)),
            Field::DstVrf => number(of.cell::<u32>(Column::DstVrf)),
            Field::SrcZone => self.text(of.cell(Column::SrcZone)),
            Field::DstZone => self.text(of.cell(Column::DstZone)),
            Field::Direction => number(of.cell::<u8>(Column::Direction)),
            Field::Initiator => number(of.cell::<u8>(Column::Initiator)),
            Field::StartTime => of.time(Column::StartS, Column::StartNs),
            Field::EndTime => of.time(Column::EndS, Column::EndNs),
            Field::DurationMs => number(duration_ms(&of.all())),
            Field::SentPackets => number(of.cell::<u64>(Column::SentPackets)),
            Field::SentBytes => number(of.cell::<u64>(Column::SentBytes)),
            Field::ReceivedPackets => number(of.cell::<u64>(Column::ReceivedPackets)),
            Field::ReceivedBytes => number(of.cell::<u64>(Column::ReceivedBytes)),
            Field::Policy => self.text(of.cell(Column::Policy)),
            Field::User => self.text(of.cell(Column::User)),
            Field::Application => self.text(of.cell(Column::Application)),
            Field::CloseReason => self.text(of.cell(Column::CloseReason)),
            Field::Url => self.text(of.cell(Column::Url)),
            Field::Extra => self.extra(of.cell(Column::Extra).unwrap_or_default()),
            _ => None,
        }
    }

    fn port_block(&self, row: &PortBlock, field: Field) -> Option<Value<'a>> {
        match field {
            // The record's own number goes before that of its datagram.
            Field::Sequence => number(row.sequence),
            Field::Event => Some(Value::Name(row.event.name())),
            Field::PrivateAddr => known(row.private_addr),
            Field::PublicAddr => known(row.public_addr),
            Field::PortFirst => number(row.port_first),
            Field::PortLast => number(row.port_last),
            Field::Protocol => number(row.protocol),
            Field::SrcVrf => number(row.src_vrf),
            Field::SessionId => number(row.session_id),
            Field::Scene => self.text(Some(row.scene)),
            Field::Extra => self.extra(row.extra),
            _ => None,
        }
    }

    fn im(&self, row: &Im, field: Field) -> Option<Value<'a>> {
        match field {
            Field::Event => Some(Value::Name(row.event.name())),
            Field::Application => self.text(Some(row.application)),
            Field::Account => self.text(Some(row.account)),
            Field::Protocol => number(row.protocol),
            Field::SrcAddr => known(row.src_addr),
            Field::SrcPort => number(row.src_port),
            Field::DstAddr => known(row.dst_addr),
            Field::DstPort => number(row.dst_port),
            Field::NatSrcAddr => known(row.nat_src_addr),
            Field::NatSrcPort => number(row.nat_src_port),
            Field::NatDstAddr => known(row.nat_dst_addr),
            Field::NatDstPort => number(row.nat_dst_port),
            Field::StartTime => row.start.map(Value::Time),
            Field::EndTime => row.end.map(Value::Time),
            Field::Extra => self.extra(row.extra),
            _ => None,
        }
    }

    fn filter(&self, row: &Filter, field: Field) -> Option<Value<'a>> {
        match field {
            Field::Filter => self.text(Some(row.filter)),
            Field::Action => row.action.map(|action| Value::Name(action.name())),
            Field::Protocol => number(row.protocol),
            Field::ProtocolName => self.text(Some(row.protocol_name)),
            Field::Mac => row.mac.map(Value::Mac),
            Field::SrcInterface => self.text(Some(row.src_interface)),
            Field::SrcAddr => known(row.src_addr),
            Field::SrcPort => number(row.src_port),
            Field::DstInterface => self.text(Some(row.dst_interface)),
            Field::DstAddr => known(row.dst_addr),
            Field::DstPort => number(row.dst_port),
            Field::TcpFlags => self.text(Some(row.tcp_flags)),
            Field::IcmpType => number(row.icmp_type),
            Field::IcmpCode => number(row.icmp_code),
            Field::IcmpTypeName => self.text(Some(row.icmp_type_name)),
            Field::IcmpId => number(row.icmp_id),
            Field::FragmentId => number(row.fragment_id),
            Field::FragmentOffset => number(row.fragment_offset),
            Field::Extra => self.extra(row.extra),
            _ => None,
        }
    }

    fn unparsed(&self, row: &Unparsed, field: Field) -> Option<Value<'a>> {
        let received = Context { event_time: EventTime::Received, ..self.context };
        match field {
            Field::EventTime => Some(Value::Time(context_time(&received))),
            Field::TimeSource => Some(Value::Name(context_time_source(&received).name())),
            Field::Reason => Some(Value::Name(row.reason.name())),
            Field::Raw => Some(Value::Raw(self.batch.text(row.raw))),
            _ => None,
        }
    }

    fn text(&self, value: Option<Text>) -> Option<Value<'a>> {
        let value = value.filter(|value| !value.is_empty())?;
        Some(Value::Text(self.batch.text(value)))
    }

    fn extra(&self, extra: Text) -> Option<Value<'a>> {
        (!extra.is_empty()).then(|| Value::Extra(self.batch.text(extra)))
    }
}

/// The cells of one session.
#[derive(Clone, Copy)]
struct SessionCells<'a> {
    batch: &'a Batch,
    row: usize,
    columns: ColumnSet,
}

impl SessionCells<'_> {
    fn cell<T: Cell>(&self, column: Column) -> Option<T> {
        self.batch.session.cell(column, self.row, self.columns)
    }

    fn all(&self) -> SessionRow {
        self.batch.session.read_row(self.row, self.columns)
    }

    fn port(&self, column: Column) -> Option<Value<'static>> {
        number(self.cell::<u16>(column).filter(|port| *port != 0))
    }

    fn end(&self, v6: Column, v4: Column) -> Option<Value<'static>> {
        address(self.cell(v6), self.cell(v4)).map(Value::Address)
    }

    fn time(&self, seconds: Column, nanos: Column) -> Option<Value<'static>> {
        Time::from_columns(self.cell(seconds), self.cell(nanos)).map(Value::Time)
    }
}

fn known(address: Option<IpAddr>) -> Option<Value<'static>> {
    address.filter(|address| !address.is_unspecified()).map(Value::Address)
}

fn number(value: Option<impl Into<u64>>) -> Option<Value<'static>> {
    value.map(|value| Value::Number(value.into()))
}
