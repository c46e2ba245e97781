//! The jobs of yume-pdq: the whole way of a file, and hashing alone, held against hashgate's bit-exact hash.

use crate::{Done, Job, SIDE, grey_512, of_512 as job_of_512};
use hashgate::signal::pdq::PdqHasher;
use std::hint::black_box;
use std::time::Instant;
use yume_pdq::GenericArray;
use yume_pdq::kernel::SquareGenericArrayExt;

/// Hashes 512 by 512 values of grey.
fn hasher() -> impl FnMut(&[f32]) -> [u8; 32] {
    let mut kernel = yume_pdq::smart_kernel();
    let (mut buffer, mut values) = (Box::default(), GenericArray::default());
    let mut row = GenericArray::default();
    move |grey| {
        let mut hash = yume_pdq::PDQHash::<_>::default();
        let pixels = GenericArray::from_slice(grey).unflatten_square_ref();
        yume_pdq::hash(
            &mut kernel,
            pixels,
            &mut hash,
            &mut buffer,
            &mut row,
            &mut values,
        );
        let mut bytes = [0; 32];
        for (byte, made) in bytes.iter_mut().zip(hash.iter().flatten()) {
            *byte = *made;
        }
        bytes
    }
}

/// From a file's bytes to its hash; decoding and scaling are the image crate's.
pub(crate) fn whole() -> Job {
    let mut hasher = hasher();
    Box::new(move |bytes| {
        let Some(grey) = grey_512(bytes) else {
            return false.into();
        };
        let values: Vec<f32> = grey.iter().map(|&value| f32::from(value)).collect();
        black_box(hasher(&values));
        true.into()
    })
}

/// Hashing alone.
pub(crate) fn of_512() -> Job {
    let mut hasher = hasher();
    let mut hashgate = PdqHasher::default();
    let side = SIDE as usize;
    job_of_512(move |values, rgb| {
        let begin = Instant::now();
        let hash = black_box(hasher(values));
        let counted = Some(begin.elapsed());
        let exact = hashgate.hash_rgb(side, side, rgb).ok();
        let bits_off = exact.map(|exact| {
            let pairs = hash.iter().zip(exact.hash.0);
            pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
        });
        Done {
            is_good: bits_off.is_some(),
            counted,
            bits_off,
        }
    })
}
