package boltledger

import (
	"encoding/binary"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/cinegit/guardian/internal/ledger"
)

func recordsBucket() []byte { return []byte("records") }
func expiryBucket() []byte  { return []byte("expiry") }

// head is what precedes a record's value in the file: one byte that names the format, then version
// and expiry in 8 bytes each, most significant first.
type head struct {
	version int64
	expires int64 // milliseconds since 1970; 0 is never
}

const (
	format   = 1
	headSize = 1 + 8 + 8
)

var errFormat = errors.New("a record in an unknown format: written by a newer guardian, or damaged")

func encode(h head, value []byte) []byte {
	raw := make([]byte, 0, headSize+len(value))
	raw = append(raw, format)
	raw = binary.BigEndian.AppendUint64(raw, uint64(h.version))
	raw = binary.BigEndian.AppendUint64(raw, uint64(h.expires))
	return append(raw, value...)
}

func decodeHead(raw []byte) (head, error) {
	if len(raw) < headSize || raw[0] != format {
		return head{}, errFormat
	}
	return head{
		version: int64(binary.BigEndian.Uint64(raw[1:])),
		expires: int64(binary.BigEndian.Uint64(raw[9:])),
	}, nil
}

// decode copies the value: bbolt's memory is gone with the transaction.
func decode(key ledger.Key, raw []byte) (ledger.Record, error) {
	h, err := decodeHead(raw)
	if err != nil {
		return ledger.Record{}, err
	}
	value := append([]byte{}, raw[headSize:]...)
	return ledger.Record{Key: key, Version: h.version, Value: value, Expires: expiryTime(h.expires)}, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

func expiryTime(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// expiry is one entry of the expiry bucket: the time, the length of the partition's name in 2
// bytes, the name, the sort key.
type expiry struct {
	at  int64
	key ledger.Key
}

func (e expiry) encode() []byte {
	raw := binary.BigEndian.AppendUint64(nil, uint64(e.at))
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(e.key.Partition)))
	return append(append(raw, e.key.Partition...), e.key.Sort...)
}

func decodeExpiry(raw []byte) (expiry, error) {
	if len(raw) < 10 {
		return expiry{}, errFormat
	}
	name := int(binary.BigEndian.Uint16(raw[8:]))
	if len(raw) < 10+name {
		return expiry{}, errFormat
	}
	return expiry{
		at:  int64(binary.BigEndian.Uint64(raw)),
		key: ledger.Key{Partition: string(raw[10 : 10+name]), Sort: string(raw[10+name:])},
	}, nil
}

// reindex moves a record's entry in the expiry bucket; 0 is no entry.
func reindex(tx *bolt.Tx, key ledger.Key, was, now int64) error {
	if was == now {
		return nil
	}
	b := tx.Bucket(expiryBucket())
	if was != 0 {
		if err := b.Delete(expiry{was, key}.encode()); err != nil {
			return err
		}
	}
	if now == 0 {
		return nil
	}
	return b.Put(expiry{now, key}.encode(), nil)
}

// expired reads the entries that are due, the longest overdue first.
func (s *Store) expired(now time.Time, limit int) (due []expiry, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(expiryBucket()).Cursor()
		for k, _ := c.First(); k != nil && len(due) < limit; k, _ = c.Next() {
			e, err := decodeExpiry(k)
			if err != nil {
				return err
			}
			if e.at > now.UnixMilli() {
				return nil
			}
			due = append(due, e)
		}
		return nil
	})
	return due, explain(s.db.Path(), err)
}

// drop removes a record that still expires when the entry says.
func drop(tx *bolt.Tx, e expiry) (dropped int, err error) {
	has, err := current(tx, e.key)
	if err != nil || has.version == 0 || has.expires != e.at {
		return 0, err
	}
	return 1, remove(tx, e.key)
}
