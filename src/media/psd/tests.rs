//! What is said of Photoshop files that are odd. What they show is held to other programs in `tests/seen/psd.rs`.

use super::*;
use crate::media::decode;

/// A grey file of 4 x 2 pixels, with these resources and layers.
fn file(resources: &[u8], layers: &[u8], merged: &[u8]) -> Vec<u8> {
    let mut file = b"8BPS\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x04\0\x08\0\x01\0\0\0\0".to_vec();
    for section in [resources, layers] {
        file.extend((section.len() as u32).to_be_bytes());
        file.extend(section);
    }
    file.extend(merged);
    file
}

fn resource(number: u16, data: &[u8]) -> Vec<u8> {
    let mut resource = b"8BIM".to_vec();
    resource.extend(number.to_be_bytes());
    resource.extend([0, 0]);
    resource.extend((data.len() as u32).to_be_bytes());
    resource.extend(data);
    resource.resize(resource.len().next_multiple_of(2), 0);
    resource
}

const PLAIN: &[u8] = &[0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn a_merged_picture_that_is_none_is_said_so() {
    let read = |version: &[u8]| {
        decode(
            &file(&resource(1057, version), &[], PLAIN),
            &Limits::default(),
        )
    };
    assert!(read(&[0, 0, 0, 1, 1]).is_ok());
    let said = read(&[0, 0, 0, 1, 0]);
    assert!(matches!(&said, Err(MediaError::Unsupported { what }) if what.contains("merged")));
}

#[test]
fn resources_are_found_behind_others_and_layers_are_counted() {
    let small = [&[0; 28][..], b"\xff\xd8 small"].concat();
    let resources = [
        resource(1000, b"odd"),
        resource(1039, b"profile"),
        resource(1036, &small),
    ]
    .concat();
    let bytes = file(&resources, &[0, 0, 0, 2, 9, 9], PLAIN);
    assert_eq!(thumbnail(&bytes), Some(&b"\xff\xd8 small"[..]));
    assert_eq!(profile(&bytes), Some(&b"profile"[..]));
    assert_eq!(layer_bytes(&bytes), 6);
    assert_eq!(layer_bytes(&file(&[], &[0; 8], PLAIN)), 0);
    let deep = [&[0; 8][..], b"8BIMLr16\0\0\0\x02ab"].concat();
    assert_eq!(layer_bytes(&file(&[], &deep, PLAIN)), 22);
}

#[test]
fn packing_is_read_or_refused() {
    let packed = [0, 1, 0, 2, 0, 5, 0xfd, 9, 3, 1, 2, 3, 4];
    let read = |merged: &[u8]| decode(&file(&[], &[], merged), &Limits::default());
    let grey: Vec<u8> = read(&packed).unwrap().rgb.into_iter().step_by(3).collect();
    assert_eq!(grey, [9, 9, 9, 9, 1, 2, 3, 4]);
    for cut in 0..packed.len() {
        let said = read(&packed[..cut]);
        assert!(matches!(said, Err(MediaError::Undecodable { .. })), "{cut}");
    }
    assert!(matches!(
        read(&[0, 2, 9]),
        Err(MediaError::Unsupported { .. })
    ));
    assert!(matches!(
        read(&[0, 9, 9]),
        Err(MediaError::Undecodable { .. })
    ));
}
