// The thin events of npm `stripe`, the objects they refer to, and the data that some have when they are fetched. There are none before acacia, and no notifications, as
// which they are delivered, before clover.
import { interfacesOf, literalType, same } from './read-snapshot-events.mjs';
import { fail } from './source.mjs';

const related = {
  'Event.RelatedObject': 'object',
  'V2.Core.Events.RelatedObject': 'object',
  'V2.Core.Events.RelatedSingletonObject': 'singleton',
};

function readThinEvent(stripe, reader, declaration) {
  const type = literalType(stripe, declaration);
  const reference = stripe.ownMember(declaration, 'related_object');
  const fetched = stripe.ownMember(declaration, 'fetchRelatedObject');
  if (Boolean(reference) !== Boolean(fetched)) fail(`${type} has only one of related_object and fetchRelatedObject`);
  if (!reference) return { type, related: null, objects: [] };
  const kind = related[reference.type.getText()] ?? fail(`a related object that is not understood: ${stripe.place(reference)}`);
  if (fetched.type.typeName?.getText() !== 'Promise') fail(`a Promise was expected: ${stripe.place(fetched)}`);
  return { type, related: kind, objects: reader.namesOf(fetched.type.typeArguments[0]) };
}

export function readThinEvents(stripe, reader) {
  const events = new Map();
  const union = stripe.thinUnion();
  if (!union) return events;
  for (const declaration of interfacesOf(stripe, union)) {
    const event = readThinEvent(stripe, reader, declaration);
    if (events.has(event.type)) fail(`two interfaces are the event ${event.type}`);
    const data = stripe.ownMember(declaration, 'data');
    event.data = data && reader.dataOf(event.type, data.type);
    events.set(event.type, event);
  }
  const notified = stripe.notificationUnion();
  if (notified) checkNotifications(stripe, reader, events, interfacesOf(stripe, notified));
  return events;
}

function checkNotifications(stripe, reader, events, declarations) {
  const notifications = new Map();
  for (const declaration of declarations) {
    const event = readThinEvent(stripe, reader, declaration);
    if (stripe.ownMember(declaration, 'data')) fail(`the notification ${event.type} has data`);
    notifications.set(event.type, event);
  }
  same('the union V2 Event', [...events.keys()], 'the union EventNotification', [...notifications.keys()]);
  for (const [type, event] of events) {
    const notified = notifications.get(type);
    if (notified.related !== event.related || `${notified.objects}` !== `${event.objects}`) {
      fail(`the event ${type} and its notification have different related objects`);
    }
  }
}
