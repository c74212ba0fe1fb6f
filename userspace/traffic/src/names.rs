//! The names that text logs carry: zones, policies, applications, close reasons.

/// How the device writes names that are not ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Every name is ASCII.
    #[default]
    Ascii,
    /// Some policies have Chinese names, in GBK: the device's own default.
    Gbk,
    /// Some policies have Chinese names, in UTF-8 (`firewall log charset utf-8`).
    Utf8,
}

pub(crate) const ZONES: [&str; 4] = ["trust", "dmz", "guest wifi", "cgn-inside"];
pub(crate) const ZONE_OUTSIDE: &str = "untrust";

/// With spaces, dots and dashes, as operators write them.
pub(crate) const POLICIES: [&str; 6] =
    ["Internet Access", "Permit_all", "cgn-out-1", "cgn-out-2", "guest v1.2", "default"];

/// A policy name outside ASCII ("Internet access policy"), as UTF-8 and as GBK.
const POLICY_CHINESE: &str = "上网策略";
const POLICY_CHINESE_GBK: &[u8] = &[0xc9, 0xcf, 0xcd, 0xf8, 0xb2, 0xdf, 0xc2, 0xd4];

/// The bytes of policy `index` (any number) in `charset`.
pub(crate) fn policy(index: u8, charset: Charset) -> &'static [u8] {
    match (charset, index % 8) {
        (Charset::Gbk, 6..) => POLICY_CHINESE_GBK,
        (Charset::Utf8, 6..) => POLICY_CHINESE.as_bytes(),
        (_, index) => POLICIES[usize::from(index) % POLICIES.len()].as_bytes(),
    }
}

/// What a reader should see for a name's bytes.
pub(crate) fn decoded(bytes: &[u8]) -> String {
    if bytes == POLICY_CHINESE_GBK {
        return POLICY_CHINESE.to_owned();
    }
    String::from_utf8_lossy(bytes).into_owned()
}
