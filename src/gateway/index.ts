export { type Facilitator, startFacilitator } from './facilitator/facilitator.ts'
export { type Gateway, startGateway } from './gateway.ts'
