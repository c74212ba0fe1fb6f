//! Errors name the interface, the queue and what was asked for.

use logweir_xsk::{BindMode, Receiver, ReceiverOptions, XskError};

use crate::lab::*;

#[test]
fn a_refused_bind_names_what_was_asked_for() {
    lab(1500, |lab| {
        let open = |queues: &[u32], options: &ReceiverOptions| {
            Receiver::open(&lab.receiving, queues, options).map(|_| ())
        };
        let zero_copy = ReceiverOptions { bind_mode: BindMode::ZeroCopy, ..receiver_options() };
        let error = open(&[0], &zero_copy).expect_err("veth has no zero-copy");
        assert!(matches!(error, XskError::Bind { queue: 0, .. }), "{error:?}");
        assert!(error.to_string().starts_with("cannot bind to rx0 queue 0 (zero-copy): "));

        let error = open(&[7], &receiver_options()).expect_err("there are two queues");
        assert!(error.to_string().starts_with("cannot bind to rx0 queue 7 (copy): "), "{error}");

        let _first = lab.receiver(&[1], &receiver_options());
        let error = open(&[0, 1], &receiver_options()).expect_err("queue 1 is taken");
        assert!(error.to_string().starts_with("cannot bind to rx0 queue 1 (copy): "), "{error}");
    });
}

#[test]
fn auto_falls_back_to_copy_and_tells() {
    lab(1500, |lab| {
        let options = ReceiverOptions { bind_mode: BindMode::Auto, ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        assert!(!receiver.is_zero_copy());
        let mut sender = lab.sender(0);
        send_all(&mut sender, 0, 100);
        assert_eq!(receive_until(&mut receiver, 100, |_| ()), 100);
    });
}
