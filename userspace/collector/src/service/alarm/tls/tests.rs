use super::*;
use crate::service::timed::Timed;
use std::{net::TcpListener, thread, time::Duration};

#[test]
fn a_file_holds_authorities_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        Authorities::of_file(&path)
    };
    let good = include_str!("ca.pem");
    let read_once = read(good).unwrap();
    assert_eq!((read_once.0.len(), read_once.is_empty()), (1, false));
    assert_eq!(read(&good.repeat(2)).unwrap().0.len(), 2);
    let wrong = good.replace("MIIB", "MIIC");
    for text in ["", "text", &good[..good.len() / 2], &wrong] {
        assert!(read(text).unwrap_err().starts_with("it must hold certificates"), "{text}");
    }
    assert!(Authorities::of_file(directory.path()).unwrap_err().contains("directory"));
    assert!(Authorities::default().is_empty());
}

#[test]
fn who_drips_through_the_handshake_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let dripping = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A record of 16 KiB.
        let record = [22, 3, 3, 64, 0].into_iter().chain(std::iter::repeat(0));
        for byte in record {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    let stream = Timed::new(stream, Duration::from_millis(200));
    let error = Authorities::default().begin(stream, "localhost").unwrap_err();
    assert_eq!(sentence(&error), "timed out");
    dripping.join().unwrap();
}

#[test]
fn why_a_server_is_not_believed_is_one_sentence() {
    let told = |error: rustls::Error| sentence(&io::Error::new(io::ErrorKind::InvalidData, error));
    for (error, words) in [
        (CertificateError::Expired, "its certificate has expired"),
        (CertificateError::NotValidYet, "is the clock of this host right?"),
        (CertificateError::Revoked, "its certificate is refused: "),
    ] {
        let told = told(rustls::Error::InvalidCertificate(error));
        assert!(told.contains(words), "{told}");
    }
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion);
    assert!(told(alert).starts_with("no TLS: "));
    let hung_up = io::Error::from(io::ErrorKind::UnexpectedEof);
    assert_eq!(sentence(&hung_up), "it hung up");
}
