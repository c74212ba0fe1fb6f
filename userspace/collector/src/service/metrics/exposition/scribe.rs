//! Families of metrics, written one after the other. Counters are named without `_total`, which the
//! encoder adds.

use crate::latency::Octaves;
use prometheus_client::{
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
    },
    metrics::MetricType,
};
use std::fmt;

/// Writes families.
#[derive(Debug)]
pub(super) struct Scribe<'a>(DescriptorEncoder<'a>);

impl<'a> Scribe<'a> {
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    /// What runs: always 1, with a label.
    pub fn info(&mut self, name: &str, help: &str, label: &str, value: &str) -> fmt::Result {
        self.family(name, help, MetricType::Info)?.encode_info(&[(label, value)])
    }

    /// A counter.
    pub fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeCounterValue + Copy,
    ) -> fmt::Result {
        count(&mut self.family(name, help, MetricType::Counter)?, &value)
    }

    /// A counter for each value of a label.
    pub fn counters<L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Counter)?;
        values.into_iter().try_for_each(|(of, value)| {
            count(&mut family.encode_family(&[(label, of.as_ref())])?, &value)
        })
    }

    /// A gauge.
    pub fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeGaugeValue + Copy,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A gauge for each value of a label.
    pub fn gauges<L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        values.into_iter().try_for_each(|(of, value)| {
            family.encode_family(&[(label, of.as_ref())])?.encode_gauge(&value)
        })
    }

    /// A classic histogram, in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, octaves: &Octaves) -> fmt::Result {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let bounds = Octaves::bounds_ns().map(|bound| bound.map_or(f64::INFINITY, seconds));
        let buckets: Vec<_> = bounds.zip(octaves.counts).collect();
        let mut family = self.family(name, help, MetricType::Histogram)?;
        let (sum, count) = (octaves.sum_seconds, octaves.count());
        family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

fn count(metric: &mut MetricEncoder<'_>, value: &impl EncodeCounterValue) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, u64>(value, None)
}
