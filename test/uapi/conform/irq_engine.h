/* SPDX-License-Identifier: MIT */
/*
 * DEV1 raising interrupts, by its registers (every access a call): for rows that want the device
 * itself to do so. Each is for RUN and gives 0.
 */
#ifndef TEST_UAPI_CONFORM_IRQ_ENGINE_H
#define TEST_UAPI_CONFORM_IRQ_ENGINE_H

/**
 * Raise an interrupt (of an error), which has happened when it returns. The pin stays asserted.
 * Bus mastering is on from then on.
 */
long engine_raise(void);
/** Acknowledge: the pin is asserted no longer. */
long engine_ack(void);

#define RAISE                                                                                      \
	{                                                                                          \
		RUN(engine_raise)                                                                  \
	}
#define ACK                                                                                        \
	{                                                                                          \
		RUN(engine_ack)                                                                    \
	}

/** SET_IRQS with any words behind argsz, which is that of all. */
#define IRQ_WORDS(n, ...) IOCTL(DEVICE, VFIO_DEVICE_SET_IRQS, WORDS(n, __VA_ARGS__))
/** One byte of data, of a count of 1. */
#define IRQ_BOOL(action, index, start, on)                                                         \
	IRQ_WORDS(24, VFIO_IRQ_SET_DATA_BOOL | (action), (index), (start), 1, (on))
/** No descriptors behind it: a count of 0. */
#define IRQ_NO_FDS(action, index, start)                                                           \
	IRQ_WORDS(20, VFIO_IRQ_SET_DATA_EVENTFD | (action), (index), (start), 0)
#define GETS(event, n)                                                                             \
	{                                                                                          \
		SIGNALS(event), n                                                                  \
	}

#endif
