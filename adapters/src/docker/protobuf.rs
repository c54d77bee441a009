//! The little of protocol buffers that a build's session and progress need: fields by their numbers, strings and small
//! numbers. What is broken reads as its readable beginning.

/// One field's value. Those of fixed width are passed over: nothing here has them.
#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in their order.
pub struct Fields<'a>(&'a [u8]);

pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = self.number()?;
            let value = match key & 7 {
                0 => Value::Number(self.number()?),
                1 => {
                    self.take(8)?;
                    continue;
                }
                2 => {
                    let length = usize::try_from(self.number()?).ok()?;
                    Value::Bytes(self.take(length)?)
                }
                5 => {
                    self.take(4)?;
                    continue;
                }
                _ => return None,
            };
            return Some((key >> 3, value));
        }
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// The text of a field that holds one.
pub fn text(message: &[u8], wanted: u64) -> String {
    fields(message)
        .find_map(|(number, value)| match value {
            Value::Bytes(bytes) if number == wanted => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        })
        .unwrap_or_default()
}

pub fn put_number(message: &mut Vec<u8>, field: u64, value: u64) {
    put(message, field << 3);
    put(message, value);
}

pub fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put(message, field << 3 | 2);
    put(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn put(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_read(numbers in proptest::collection::vec((1u64..2000, any::<u64>(), any::<Vec<u8>>()), 0..8)) {
            let mut message = Vec::new();
            for (field, number, bytes) in &numbers {
                put_number(&mut message, *field, *number);
                put_bytes(&mut message, *field, bytes);
            }
            let read: Vec<_> = fields(&message).collect();
            prop_assert_eq!(read.len(), numbers.len() * 2);
            for ((field, number, bytes), pair) in numbers.iter().zip(read.chunks(2)) {
                prop_assert_eq!(&pair[0], &(*field, Value::Number(*number)));
                prop_assert_eq!(&pair[1], &(*field, Value::Bytes(bytes.as_slice())));
            }
        }

        #[test]
        fn anything_at_all_ends(message in any::<Vec<u8>>()) {
            prop_assert!(fields(&message).count() <= message.len());
        }
    }
}
